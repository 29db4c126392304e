/**
 * Scaling a Deployment in the middle of a rollout, or while it is paused: each of its ReplicaSets grows or shrinks in
 * proportion to its size, so that a half-tested new version does not suddenly get all the new pods. Pure.
 */
import type { Deployment, ReplicaSet } from '../../contract/resources/workloads.ts'
import {
  availableReplicas,
  maxReplicasAnnotation,
  type Resize,
  type RolloutBounds,
  sum,
  wantedReplicas,
} from './replica-counts.ts'
import { byAge } from './replicaset-revisions.ts'

export interface ProportionState {
  deployment: Deployment
  bounds: RolloutBounds
  newSet: ReplicaSet | undefined
  oldSets: readonly ReplicaSet[]
}

export function planProportions({ deployment, bounds, newSet, oldSets }: ProportionState): Resize[] {
  const sets = byAge(newSet ? [...oldSets, newSet] : oldSets)
  const active = sets.filter(set => wantedReplicas(set) > 0)
  const only = active.length === 0 ? (newSet ?? sets.at(-1)) : active.length === 1 ? active[0] : undefined
  if (only) return resizes([{ set: only, replicas: bounds.replicas }])
  if (newSet && isSaturated(newSet, bounds)) {
    return resizes(active.filter(set => set !== newSet).map(set => ({ set, replicas: 0 })))
  }
  // Recreate never runs two versions at a time: there is nothing to share out.
  return deployment.spec.strategy?.type === 'Recreate' ? [] : shareOut(active, bounds, deployment.status?.replicas ?? 0)
}

/** The new version alone already gives what is asked for. */
function isSaturated(newSet: ReplicaSet, { replicas }: RolloutBounds): boolean {
  return wantedReplicas(newSet) === replicas && availableReplicas(newSet) === replicas
}

/** The largest come first, and the largest takes what rounding leaves over (as Kubernetes does). */
function shareOut(active: ReplicaSet[], bounds: RolloutBounds, statusReplicas: number): Resize[] {
  const allowed = bounds.replicas > 0 ? bounds.maxTotal : 0
  const toAdd = allowed - sum(active, wantedReplicas)
  const ordered = (toAdd > 0 ? [...active].reverse() : active).sort((a, b) => wantedReplicas(b) - wantedReplicas(a))
  let left = toAdd
  const planned = ordered.map(set => {
    const share = shareOf(set, bounds, statusReplicas)
    const added = toAdd > 0 ? Math.max(0, Math.min(share, left)) : Math.min(0, Math.max(share, left))
    left -= added
    return { set, replicas: wantedReplicas(set) + added }
  })
  const largest = planned[0]
  if (largest) largest.replicas = Math.max(0, largest.replicas + left)
  return resizes(planned)
}

/** By how much the set would grow if it kept its part of the whole; negative when it shrinks. */
function shareOf(set: ReplicaSet, { replicas, maxTotal }: RolloutBounds, statusReplicas: number): number {
  const present = wantedReplicas(set)
  if (replicas === 0) return -present
  const before = Number(set.metadata.annotations?.[maxReplicasAnnotation] ?? 0) || statusReplicas
  return before === 0 ? 0 : Math.round((present * maxTotal) / before) - present
}

function resizes(planned: Resize[]): Resize[] {
  return planned.filter(({ set, replicas }) => replicas !== wantedReplicas(set))
}
