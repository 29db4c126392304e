/** The arithmetic of a Deployment's replicas: sums over its ReplicaSets, and the bounds of a rolling update. Pure. */
import { findCondition } from '../../contract/resources/conditions.ts'
import type { Deployment, ReplicaSet } from '../../contract/resources/workloads.ts'

export interface RolloutBounds {
  replicas: number
  maxSurge: number
  maxUnavailable: number
  minAvailable: number
  maxTotal: number
}

/** One ReplicaSet is to have another number of replicas. */
export interface Resize {
  set: ReplicaSet
  replicas: number
}

/** On a ReplicaSet: what the Deployment asked for when it was last scaled, and how many pods there might be at most. */
export const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas'
export const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas'

/** Kubernetes' defaults of `strategy.rollingUpdate`. */
const defaultShare = '25%'

export function rolloutBounds({ spec }: Deployment): RolloutBounds {
  const replicas = spec.replicas ?? 1
  const isRecreate = spec.strategy?.type === 'Recreate'
  const { maxSurge: surge = defaultShare, maxUnavailable: unavailable = defaultShare } =
    spec.strategy?.rollingUpdate ?? {}
  const maxSurge = isRecreate ? 0 : amountOf(surge, replicas, Math.ceil)
  let maxUnavailable = isRecreate ? replicas : Math.min(replicas, amountOf(unavailable, replicas, Math.floor))
  // Both may round to nothing, and then nothing could ever move.
  if (maxSurge === 0 && maxUnavailable === 0) maxUnavailable = 1
  return {
    replicas,
    maxSurge,
    maxUnavailable,
    minAvailable: Math.max(0, replicas - maxUnavailable),
    maxTotal: replicas + maxSurge,
  }
}

export function wantedReplicas(set: ReplicaSet): number {
  return set.spec.replicas ?? 1
}

/** Never more than are wanted: a ReplicaSet that was told to shrink may still count pods that it is about to end. */
export function availableReplicas(set: ReplicaSet): number {
  return Math.min(wantedReplicas(set), set.status?.availableReplicas ?? 0)
}

export function sum<T>(items: readonly T[], amount: (item: T) => number): number {
  return items.reduce((total, item) => total + amount(item), 0)
}

/** Everything is new, everything is available, and nothing old is left. */
export function isRolledOut({ spec, status, metadata }: Deployment): boolean {
  const replicas = spec.replicas ?? 1
  return (
    status?.updatedReplicas === replicas &&
    status.replicas === replicas &&
    status.availableReplicas === replicas &&
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 1)
  )
}

/** True once the Progressing condition says that the present rollout has come to its end. */
export function saysRolledOut({ status }: Deployment): boolean {
  return findCondition(status?.conditions, 'Progressing')?.reason === 'NewReplicaSetAvailable'
}

/** A share of the replicas is rounded up for the surge and down for what may be missing (Kubernetes' rule). */
function amountOf(value: number | string, replicas: number, round: (share: number) => number): number {
  const share = typeof value === 'string' ? /^(\d+)%$/.exec(value)?.[1] : undefined
  if (share === undefined) return Math.max(0, Number(value) || 0)
  return round((Number(share) * replicas) / 100)
}
