import test from 'ava'
import fc from 'fast-check'
import type { Deployment, ReplicaSet } from '../../../contract/resources/workloads.ts'
import { planRollout, type RolloutState } from '../../../master/controllers/plan-rollout.ts'
import { rolloutBounds } from '../../../master/controllers/replica-counts.ts'
import { makeReplicaSet, type SetOptions, webDeployment } from './fixtures.ts'

/** Sizes after the plan, `create` included as `new`. */
function plan(deployment: Deployment, newSet: ReplicaSet | undefined, oldSets: ReplicaSet[]) {
  return planWhile(0, { deployment, newSet, oldSets })
}

function planWhile(oldPodsRunning: number, state: Omit<RolloutState, 'oldPodsRunning'>) {
  const { create, scale } = planRollout({ ...state, oldPodsRunning })
  const sizes = scale.map(({ set, replicas }) => [set.metadata.name, replicas])
  return Object.fromEntries([...(create ? [['new', create.replicas]] : []), ...sizes])
}

const sized = (maxSurge: number | string, maxUnavailable: number | string): Partial<Deployment['spec']> => ({
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
})
const recreate: Partial<Deployment['spec']> = { strategy: { type: 'Recreate' } }
const v2 = (replicas: number, options: SetOptions = {}) => makeReplicaSet(replicas, { version: 'v2', ...options })
const v1 = (replicas: number, options: SetOptions = {}) => makeReplicaSet(replicas, options)

const boundsCases: Array<[replicas: number, surge: number | string, unavailable: number | string, bounds: number[]]> = [
  [4, '25%', '25%', [3, 5]],
  [3, '25%', '25%', [3, 4]],
  [10, '25%', '25%', [8, 13]],
  [1, '25%', '25%', [1, 2]],
  [1, 0, 0, [0, 1]],
  [10, 2, 3, [7, 12]],
  [2, 1, 5, [0, 3]],
  [0, '25%', '25%', [0, 0]],
]
for (const [replicas, surge, unavailable, expected] of boundsCases) {
  test(`${replicas} replicas with surge ${surge} and unavailable ${unavailable} stay within ${expected.join(' and ')}`, t => {
    const { minAvailable, maxTotal } = rolloutBounds(webDeployment(replicas, sized(surge, unavailable)))
    t.deepEqual([minAvailable, maxTotal], expected)
  })
}

test('the first rollout makes all replicas at once', t => {
  t.deepEqual(plan(webDeployment(3), undefined, []), { new: 3 })
})

test('an update begins with the surge', t => {
  t.deepEqual(plan(webDeployment(4), undefined, [v1(4)]), { new: 1 })
})

test('without surge nothing new comes before something old has gone', t => {
  const deployment = webDeployment(4, sized(0, 1))
  t.deepEqual(plan(deployment, undefined, [v1(4)]), { new: 0 })
  t.deepEqual(plan(deployment, v2(0), [v1(4)]), { 'web-v1': 3 })
  t.deepEqual(plan(deployment, v2(0), [v1(3)]), { 'web-v2': 1 })
})

test('old pods go as new ones become available', t => {
  const deployment = webDeployment(4, sized(1, 0))
  t.deepEqual(plan(deployment, v2(1, { available: 0 }), [v1(4)]), {})
  t.deepEqual(plan(deployment, v2(1), [v1(4)]), { 'web-v1': 3 })
})

test('old pods that do not work go first, and are no reason to wait', t => {
  const deployment = webDeployment(4, sized(1, 1))
  t.deepEqual(plan(deployment, v2(1, { available: 0 }), [v1(4, { available: 2 })]), { 'web-v1': 3 })
})

test('a ReplicaSet that was told to shrink is not counted for pods that it still has', t => {
  const shrinking = v1(3, { status: { replicas: 5, availableReplicas: 5, observedGeneration: 1 } })
  t.deepEqual(plan(webDeployment(4, sized(2, 0)), v2(3, { available: 2 }), [shrinking]), { 'web-v1': 2 })
})

test('when everything is new there is nothing to do', t => {
  t.deepEqual(plan(webDeployment(4), v2(4), [v1(0)]), {})
})

test('Recreate: first the old ones to nothing, then their end, then all new ones', t => {
  const deployment = webDeployment(3, recreate)
  t.deepEqual(plan(deployment, undefined, [v1(3)]), { 'web-v1': 0 })
  t.deepEqual(planWhile(1, { deployment, newSet: undefined, oldSets: [v1(0)] }), {})
  t.deepEqual(plan(deployment, undefined, [v1(0)]), { new: 3 })
  t.deepEqual(plan(deployment, v2(1), [v1(0)]), { 'web-v2': 3 })
})

test('while paused nothing is rolled out, but scaling holds', t => {
  const noted = { 'deployment.kubernetes.io/desired-replicas': '4', 'deployment.kubernetes.io/max-replicas': '5' }
  t.deepEqual(plan(webDeployment(4, { paused: true }), undefined, [v1(4, { annotations: noted })]), {})
  t.deepEqual(plan(webDeployment(6, { paused: true }), undefined, [v1(4, { annotations: noted })]), { 'web-v1': 6 })
})

test('scaled in the middle of a rollout, old and new grow in proportion', t => {
  const noted = { 'deployment.kubernetes.io/desired-replicas': '10', 'deployment.kubernetes.io/max-replicas': '12' }
  const annotated = { annotations: noted }
  const deployment = webDeployment(20, sized(2, 2))
  t.deepEqual(plan(deployment, v2(3, annotated), [v1(9, annotated)]), { 'web-v1': 17, 'web-v2': 5 })
})

/** Plays a rollout: pods become available or fail one by one, in any order, and no step ever leaves the bounds. */
test('whatever becomes available when, a rolling update stays within its bounds and ends', t => {
  const amount = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom('10%', '25%', '50%', '100%'))
  const inputs = fc.record({ replicas: fc.integer({ min: 0, max: 12 }), surge: amount, unavailable: amount })
  fc.assert(
    fc.property(inputs, fc.infiniteStream(fc.nat(99)), ({ replicas, surge, unavailable }, chances) => {
      const deployment = webDeployment(replicas, sized(surge, unavailable))
      const bounds = rolloutBounds(deployment)
      const sizes = { 'web-v1': replicas, 'web-v2': 0 }
      let availableNew = 0
      for (let step = 0; step < 200; step++) {
        const newSet = v2(sizes['web-v2'], { available: availableNew })
        const { scale } = planRollout({ deployment, newSet, oldSets: [v1(sizes['web-v1'])], oldPodsRunning: 0 })
        for (const resize of scale) sizes[resize.set.metadata.name as keyof typeof sizes] = resize.replicas
        if (sizes['web-v1'] + sizes['web-v2'] > Math.max(bounds.maxTotal, replicas)) return false
        if (sizes['web-v1'] + availableNew < bounds.minAvailable) return false
        const waiting = sizes['web-v2'] - availableNew
        if (waiting > 0 && Number(chances.next().value) < 60) availableNew += 1
      }
      return sizes['web-v1'] === 0 && sizes['web-v2'] === replicas
    }),
  )
  t.pass()
})
