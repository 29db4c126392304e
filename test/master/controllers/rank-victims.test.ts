import test from 'ava'
import fc from 'fast-check'
import { deletionCostAnnotation, rankVictims } from '../../../master/controllers/rank-victims.ts'
import { makePod, type PodOptions } from './fixtures.ts'

const ready = { node: 'a', readySince: '2026-01-01T00:00:10Z' }

/** In each case the first of the two goes first, all else being equal. */
const cases: Array<[why: string, first: PodOptions, second: PodOptions]> = [
  ['not on a node before on one', { phase: 'Pending' }, { phase: 'Pending', node: 'a' }],
  ['pending before running', { phase: 'Pending', node: 'a' }, { node: 'a' }],
  ['unknown before running', { phase: 'Unknown', node: 'a' }, { node: 'a' }],
  ['not ready before ready', { node: 'a' }, ready],
  ['cheap before dear', { ...ready, annotations: { [deletionCostAnnotation]: '-5' } }, ready],
  ['ready for a short time before long', { ...ready, readySince: '2026-01-01T00:00:50Z' }, ready],
  ['often restarted before seldom', { ...ready, restarts: 3 }, { ...ready, restarts: 1 }],
  ['young before old', { ...ready, created: '2026-01-01T00:00:05Z' }, ready],
]

for (const [why, first, second] of cases) {
  test(`${why}`, t => {
    // Named so that the names alone would say the opposite.
    const [victim, survivor] = [makePod('z', first), makePod('a', second)]
    t.is(rankVictims([survivor, victim], [])[0], victim)
    t.is(rankVictims([victim, survivor], [])[0], victim)
  })
}

test('of pods that are alike, one that shares its node with others of the Deployment goes first', t => {
  const [lonely, doubled] = [makePod('a', { ...ready, node: 'n1' }), makePod('b', { ...ready, node: 'n2' })]
  const related = [lonely, doubled, makePod('c', { ...ready, node: 'n2' })]
  t.is(rankVictims([lonely, doubled], related)[0], doubled)
})

test('the order does not depend on the order of asking', t => {
  const options = fc.record({
    node: fc.constantFrom('n1', 'n2', 'n3'),
    phase: fc.constantFrom('Pending' as const, 'Running' as const, 'Unknown' as const),
    restarts: fc.nat(3),
    created: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'),
  })
  fc.assert(
    fc.property(fc.array(options, { maxLength: 12 }), fc.nat(), (all, turn) => {
      const pods = all.map((each, index) => makePod(`p${index}`, each))
      const turned = [...pods.slice(turn % (pods.length || 1)), ...pods.slice(0, turn % (pods.length || 1))]
      return rankVictims(turned, pods).every((pod, index) => pod === rankVictims(pods, pods)[index])
    }),
  )
  t.pass()
})
