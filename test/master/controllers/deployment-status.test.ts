import test from 'ava'
import { findCondition } from '../../../contract/resources/conditions.ts'
import type { Deployment, ReplicaSet } from '../../../contract/resources/workloads.ts'
import { deploymentStatus, msUntilDeadline } from '../../../master/controllers/deployment-status.ts'
import { makeReplicaSet, webDeployment } from './fixtures.ts'

const startMs = Date.UTC(2026, 0, 1)

interface Look {
  newSet?: ReplicaSet
  oldSets?: ReplicaSet[]
  created?: boolean
  atMs?: number
}

/** The Deployment with the status that a look at it gives. */
function look(deployment: Deployment, { newSet, oldSets = [], created = false, atMs = 0 }: Look): Deployment {
  const timestamp = new Date(startMs + atMs).toISOString()
  const input = { deployment, newSet, oldSets, created, collisionCount: 0, nowMs: startMs + atMs, timestamp }
  return { ...deployment, status: deploymentStatus(input) }
}

const condition = (deployment: Deployment, type: string) => findCondition(deployment.status?.conditions, type)
const set = (replicas: number, available: number) => makeReplicaSet(replicas, { available })
const deployment = webDeployment(3, { progressDeadlineSeconds: 60 })

test('a rollout goes from created by way of updated to available', t => {
  const created = look(deployment, { newSet: set(3, 0), created: true })
  const moving = look(created, { newSet: set(3, 1), atMs: 1000 })
  const done = look(moving, { newSet: set(3, 3), atMs: 2000 })
  const reasons = [created, moving, done].map(each => condition(each, 'Progressing')?.reason)
  t.deepEqual(reasons, ['NewReplicaSetCreated', 'ReplicaSetUpdated', 'NewReplicaSetAvailable'])
  t.is(condition(done, 'Progressing')?.lastUpdateTime, '2026-01-01T00:00:02.000Z')
  t.is(condition(done, 'Progressing')?.lastTransitionTime, '2026-01-01T00:00:00.000Z')
})

test('available means no fewer than the minimum', t => {
  t.is(condition(look(deployment, { newSet: set(3, 2) }), 'Available')?.status, 'False')
  t.is(condition(look(deployment, { newSet: set(3, 3) }), 'Available')?.status, 'True')
  t.is(condition(look(webDeployment(4), { newSet: set(4, 3) }), 'Available')?.status, 'True')
})

test('the counts are those of all ReplicaSets, and nothing goes below zero', t => {
  const oldSets = [makeReplicaSet(2, { name: 'old', available: 1 })]
  t.like(look(deployment, { newSet: set(2, 1), oldSets }).status, {
    replicas: 4,
    updatedReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    unavailableReplicas: 2,
    observedGeneration: 1,
  })
})

test('every bit of progress moves the deadline on, standing still does not', t => {
  const created = look(deployment, { newSet: set(3, 0), created: true })
  const moved = look(created, { newSet: set(3, 1), atMs: 50_000 })
  const still = look(moved, { newSet: set(3, 1), atMs: 100_000 })
  t.is(msUntilDeadline(still, startMs + 100_000), 10_001)
  const late = look(still, { newSet: set(3, 1), atMs: 110_001 })
  t.like(condition(late, 'Progressing'), { status: 'False', reason: 'ProgressDeadlineExceeded' })
  t.is(msUntilDeadline(late, startMs + 110_001), undefined)
  const revived = look(late, { newSet: set(3, 2), atMs: 120_000 })
  t.like(condition(revived, 'Progressing'), { status: 'True', reason: 'ReplicaSetUpdated' })
})

test('looking again at a finished rollout changes nothing, also when a pod is lost later', t => {
  const done = look(look(deployment, { newSet: set(3, 2) }), { newSet: set(3, 3) })
  t.deepEqual(look(done, { newSet: set(3, 3), atMs: 900_000 }).status, done.status)
  const wounded = look(done, { newSet: set(3, 2), atMs: 900_000 })
  t.is(condition(wounded, 'Progressing')?.reason, 'NewReplicaSetAvailable')
  t.is(condition(wounded, 'Available')?.status, 'False')
})

test('a paused rollout says so, runs into no deadline, and says when it goes on', t => {
  const paused = webDeployment(3, { paused: true })
  const once = look(paused, { newSet: set(3, 0) })
  t.like(condition(once, 'Progressing'), { status: 'Unknown', reason: 'DeploymentPaused' })
  t.is(msUntilDeadline(once, startMs + 1e9), undefined)
  const resumed = look({ ...deployment, status: once.status! }, { newSet: set(3, 0), atMs: 1e6 })
  t.is(condition(resumed, 'Progressing')?.reason, 'DeploymentResumed')
})
