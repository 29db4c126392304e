/** What a Deployment's ReplicaSets come to: counts, and the Available and Progressing conditions. Pure. */
import { findCondition, setCondition } from '../../contract/resources/conditions.ts'
import type { Condition } from '../../contract/resources/meta.ts'
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../contract/resources/workloads.ts'
import { availableReplicas, isRolledOut, rolloutBounds, saysRolledOut, sum, wantedReplicas } from './replica-counts.ts'

/** Kubernetes' default of `progressDeadlineSeconds`. */
const defaultDeadlineSeconds = 600

export interface StatusInput {
  deployment: Deployment
  newSet: ReplicaSet | undefined
  oldSets: readonly ReplicaSet[]
  /** The new ReplicaSet was made just now. */
  created: boolean
  collisionCount: number
  nowMs: number
  /** The same, RFC 3339. */
  timestamp: string
}

export function deploymentStatus(input: StatusInput): DeploymentStatus {
  const { deployment, newSet, oldSets, collisionCount } = input
  const sets = newSet ? [...oldSets, newSet] : oldSets
  const available = sum(sets, availableReplicas)
  const counts: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation ?? 1,
    replicas: sum(sets, set => set.status?.replicas ?? 0),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum(sets, set => set.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(sets, wantedReplicas) - available),
    ...(collisionCount > 0 && { collisionCount }),
  }
  const withAvailable = put(deployment.status?.conditions, availableCondition(input, available), input)
  const progressing = progressingCondition(input, counts)
  const conditions = progressing ? put(withAvailable, progressing, input) : withAvailable
  return { ...counts, conditions }
}

/** Milliseconds until the rollout counts as stuck; undefined when it is over, paused, or stuck already. */
export function msUntilDeadline(deployment: Deployment, nowMs: number): number | undefined {
  const progressing = findCondition(deployment.status?.conditions, 'Progressing')
  const isWaiting = progressing?.status === 'True' && progressing.reason !== 'NewReplicaSetAvailable'
  if (deployment.spec.paused || !isWaiting) return undefined
  return Math.max(1, deadlineOf(deployment, progressing) - nowMs + 1)
}

function availableCondition({ deployment }: StatusInput, available: number): Condition {
  const isEnough = available >= rolloutBounds(deployment).minAvailable
  return {
    type: 'Available',
    status: isEnough ? 'True' : 'False',
    reason: isEnough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: `Deployment ${isEnough ? 'has' : 'does not have'} minimum availability.`,
  }
}

/** Undefined when the condition stays as it is. The words are those that `kubectl rollout status` looks for. */
function progressingCondition(input: StatusInput, counts: DeploymentStatus): Condition | undefined {
  const { deployment, newSet, nowMs } = input
  const present = findCondition(deployment.status?.conditions, 'Progressing')
  const name = `ReplicaSet "${newSet?.metadata.name}"`
  if (deployment.spec.paused) return unknown('DeploymentPaused', 'Deployment is paused')
  if (input.created) return running('NewReplicaSetCreated', `Created new replica set "${newSet?.metadata.name}"`)
  if (!newSet) return present ? undefined : running('ReplicaSetUpdated', 'Deployment is progressing.')
  const isOver = counts.replicas === counts.updatedReplicas && saysRolledOut(deployment)
  if (isOver) return undefined
  if (isRolledOut({ ...deployment, status: counts })) {
    return running('NewReplicaSetAvailable', `${name} has successfully progressed.`)
  }
  if (present?.reason === 'DeploymentPaused') return unknown('DeploymentResumed', 'Deployment is resumed')
  if (!present || present.status === 'Unknown' || hasMoved(deployment.status, counts) || saysRolledOut(deployment)) {
    return running('ReplicaSetUpdated', `${name} is progressing.`)
  }
  if (present.reason === 'ProgressDeadlineExceeded' || nowMs < deadlineOf(deployment, present)) return undefined
  return {
    type: 'Progressing',
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
    message: `${name} has timed out progressing.`,
  }
}

/** More new pods, fewer old ones, or more of them ready or available than when we last looked. */
function hasMoved(before: DeploymentStatus | undefined, now: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus | undefined): number => (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0)
  return (
    (now.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) ||
    old(now) < old(before) ||
    (now.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (before?.availableReplicas ?? 0)
  )
}

function deadlineOf({ spec }: Deployment, { lastUpdateTime }: Condition): number {
  return (Date.parse(lastUpdateTime ?? '') || 0) + (spec.progressDeadlineSeconds ?? defaultDeadlineSeconds) * 1000
}

function running(reason: string, message: string): Condition {
  return { type: 'Progressing', status: 'True', reason, message }
}

function unknown(reason: string, message: string): Condition {
  return { type: 'Progressing', status: 'Unknown', reason, message }
}

/** Progress moves `lastUpdateTime` on even where the words stay: the deadline counts from it. */
function put(conditions: readonly Condition[] | undefined, next: Condition, { timestamp }: StatusInput): Condition[] {
  const present = findCondition(conditions, next.type)
  const isSame = present?.status === next.status && present.reason === next.reason
  if (present && isSame && next.reason !== 'ReplicaSetUpdated') return [...(conditions ?? [])]
  return setCondition(conditions, { ...next, lastUpdateTime: timestamp }, timestamp)
}
