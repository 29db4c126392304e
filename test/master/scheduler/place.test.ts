import test from 'ava'
import { seededRandom } from '../../../kit/random.ts'
import { placePod, sampleSize } from '../../../master/scheduler/place.ts'
import type { NodeLoad } from '../../../master/scheduler/snapshot.ts'
import { makePod, makeSnapshot, type NodeOptions } from './fixtures.ts'

const random = seededRandom(7)
const idle: NodeLoad = { cpuShare: 0.1, memoryShare: 0.1, temperatureCelsius: 45 }

function place(nodes: Record<string, NodeOptions>, pod = makePod()): string {
  const placement = placePod(pod, makeSnapshot(nodes), random)
  return 'node' in placement ? placement.node : placement.summary
}

test('without nodes there is nowhere to go', t => {
  t.is(place({}), 'no nodes available to schedule pods')
})

test('a refusal counts its reasons as kube-scheduler does, and keeps them node by node', t => {
  const snapshot = makeSnapshot({ a: { cpu: '1' }, b: { unschedulable: true }, c: { cpu: '1' } })
  const placement = placePod(makePod({ requests: { cpu: '2' } }), snapshot, random)
  t.deepEqual(placement, {
    reasons: [
      { node: 'a', reason: 'Insufficient cpu' },
      { node: 'b', reason: 'node(s) were unschedulable' },
      { node: 'c', reason: 'Insufficient cpu' },
    ],
    summary: '0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.',
  })
})

test('the cooler of two boards gets the pod', t => {
  t.is(place({ warm: { usage: { ...idle, temperatureCelsius: 70 } }, cool: { usage: idle } }), 'cool')
})

test('the board with more headroom gets the pod', t => {
  t.is(place({ busy: { usage: { ...idle, cpuShare: 0.9 } }, free: { usage: idle } }), 'free')
})

test('load alone does not put two pods of an owner on one board while another has none', t => {
  const snapshot = makeSnapshot({ free: { usage: idle }, busy: { usage: { ...idle, cpuShare: 1 } } })
  snapshot.addPod(makePod({ name: 'first', owner: 'o' }), 'free')
  t.like(placePod(makePod({ name: 'second', owner: 'o' }), snapshot, random), { node: 'busy' })
})

test('a pod on its way out does not keep the one that takes its place away from its board', t => {
  const snapshot = makeSnapshot({ left: { usage: idle }, other: { usage: { ...idle, cpuShare: 0.4 } } })
  const leaving = makePod({ name: 'leaving', owner: 'o' })
  snapshot.addPod(leaving, 'left')
  t.like(placePod(makePod({ name: 'new', owner: 'o' }), snapshot, random), { node: 'other' })
  const terminating = { ...leaving, metadata: { ...leaving.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }
  snapshot.addPod(terminating, 'left')
  t.like(placePod(makePod({ name: 'new', owner: 'o' }), snapshot, random), { node: 'left' })
  t.is(snapshot.node('left')?.requested.pods, 1, 'it still counts as long as it is there')
})

test('a board close to throttling is passed over even if that doubles a pod up', t => {
  const snapshot = makeSnapshot({
    cool: { usage: idle },
    hot: { usage: { cpuShare: 0.9, memoryShare: 0.1, temperatureCelsius: 79 } },
  })
  snapshot.addPod(makePod({ name: 'first', owner: 'o' }), 'cool')
  t.like(placePod(makePod({ name: 'second', owner: 'o' }), snapshot, random), { node: 'cool' })
})

test('the answer tells the scores of its node', t => {
  const placement = placePod(makePod(), makeSnapshot({ only: { usage: idle } }), random)
  t.deepEqual(placement, { node: 'only', scores: { spread: 100, load: 90, cool: 88, requested: 100 } })
})

test('equal boards get about equally many pods', t => {
  const snapshot = makeSnapshot({ a: {}, b: {}, c: {} })
  const counts: Record<string, number> = { a: 0, b: 0, c: 0 }
  for (let round = 0; round < 3000; round++) {
    const placement = placePod(makePod(), snapshot, random)
    if ('node' in placement) counts[placement.node]! += 1
  }
  for (const count of Object.values(counts)) t.true(count > 850 && count < 1150, JSON.stringify(counts))
})

test('in a large cluster the sample rotates: every node gets its turn', t => {
  const names = Array.from({ length: 3 * sampleSize }, (_, index) => `node-${index}`)
  const snapshot = makeSnapshot(Object.fromEntries(names.map(name => [name, {}])))
  const chosen = new Set<string>()
  for (let round = 0; round < names.length; round++) {
    const pod = makePod({ name: `pod-${round}` })
    const placement = placePod(pod, snapshot, random)
    if (!('node' in placement)) return t.fail(placement.summary)
    snapshot.addPod(pod, placement.node)
    chosen.add(placement.node)
  }
  t.true(chosen.size > 0.9 * names.length, `${chosen.size} of ${names.length} nodes were used`)
})

test('the one node that fits is found in a cluster far larger than the sample', t => {
  const names = Array.from({ length: 5 * sampleSize }, (_, index) => `node-${index}`)
  const nodes = Object.fromEntries(names.map(name => [name, { unschedulable: name !== 'node-321' }]))
  t.is(place(nodes), 'node-321')
})
