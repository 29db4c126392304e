import test from 'ava'
import { cool } from '../../../master/scheduler/scores/cool.ts'
import { load } from '../../../master/scheduler/scores/load.ts'
import { requested } from '../../../master/scheduler/scores/requested.ts'
import { spread } from '../../../master/scheduler/scores/spread.ts'
import { makeCandidate, makePod, snapshotNode } from './fixtures.ts'

const anywhere = { fewestOfOwner: 0 }
const heated = (temperatureCelsius: number) =>
  snapshotNode({ usage: { cpuShare: 0, memoryShare: 0, temperatureCelsius } })

test('headroom is that of the scarcer resource', t => {
  const node = snapshotNode({ usage: { cpuShare: 0.1, memoryShare: 0.75 } })
  t.is(load(makeCandidate(), node, anywhere), 25)
  t.is(load(makeCandidate(), snapshotNode({ usage: { cpuShare: 0, memoryShare: 0 } }), anywhere), 100)
})

test('a board that tells nothing is neither better nor worse', t => {
  t.is(load(makeCandidate(), snapshotNode(), anywhere), 50)
  t.is(cool(makeCandidate(), snapshotNode(), anywhere), 50)
})

test('cooler is better between 40 and 80 °C', t => {
  const scores = [20, 40, 60, 80, 95].map(celsius => cool(makeCandidate(), heated(celsius), anywhere))
  t.deepEqual(scores, [100, 100, 50, 0, 0])
})

test('each pod of the owner more than on the emptiest board costs the same, however many there are', t => {
  const owned = (count: number) => Array.from({ length: count }, (_, i) => makePod({ name: `p${i}`, owner: 'o' }))
  const candidate = makeCandidate({ owner: 'o' })
  t.is(spread(candidate, snapshotNode({}, owned(0)), { fewestOfOwner: 0 }), 100)
  t.is(spread(candidate, snapshotNode({}, owned(1)), { fewestOfOwner: 0 }), 50)
  t.is(spread(candidate, snapshotNode({}, owned(11)), { fewestOfOwner: 10 }), 50)
  t.is(spread(candidate, snapshotNode({}, owned(9)), { fewestOfOwner: 0 }), 0)
})

test('pods of other owners do not matter to the spread, nor does a pod without owner', t => {
  const node = snapshotNode({}, [makePod({ name: 'x', owner: 'other' })])
  t.is(spread(makeCandidate({ owner: 'o' }), node, anywhere), 100)
  t.is(spread(makeCandidate(), node, anywhere), 100)
})

test('the more a board has promised, the lower it scores, with the new pod counted', t => {
  const candidate = makeCandidate({ requests: { cpu: '1', memory: '1Gi' } })
  const empty = requested(candidate, snapshotNode({ cpu: '4', memory: '4Gi', pods: '4' }), anywhere)
  const half = requested(
    candidate,
    snapshotNode({ cpu: '4', memory: '4Gi', pods: '4' }, [makePod({ requests: { cpu: '1', memory: '1Gi' } })]),
    anywhere,
  )
  t.is(Math.round(empty), 75)
  t.is(Math.round(half), 50)
})

test('a board that has nothing to give scores nothing', t => {
  t.is(requested(makeCandidate(), snapshotNode({ cpu: '0', memory: '0', pods: '0' }), anywhere), 0)
})
