/**
 * Decides the next move of a Deployment: how many replicas each of its ReplicaSets is to have. Pure, and one careful step
 * at a time: the pods that a step brings or takes are counted before the next is decided.
 */
import type { Deployment, ReplicaSet } from '../../contract/resources/workloads.ts'
import { planProportions } from './plan-proportions.ts'
import {
  availableReplicas,
  desiredReplicasAnnotation,
  type Resize,
  type RolloutBounds,
  rolloutBounds,
  sum,
  wantedReplicas,
} from './replica-counts.ts'
import { byAge } from './replicaset-revisions.ts'

export interface RolloutState {
  deployment: Deployment
  /** That of the present template; undefined before it is made. */
  newSet: ReplicaSet | undefined
  oldSets: readonly ReplicaSet[]
  /** Pods of old ReplicaSets that have not ended yet, those being deleted included. */
  oldPodsRunning: number
}

export interface RolloutPlan {
  /** Make the ReplicaSet of the present template, with so many replicas. */
  create?: { replicas: number }
  /** ReplicaSets that get another number of replicas. */
  scale: Resize[]
}

const nothing: RolloutPlan = { scale: [] }

export function planRollout(state: RolloutState): RolloutPlan {
  const { deployment, newSet, oldSets } = state
  const bounds = rolloutBounds(deployment)
  const sets = newSet ? [...oldSets, newSet] : [...oldSets]
  if (deployment.spec.paused || wasResized(bounds, sets)) {
    const scale = planProportions({ deployment, bounds, newSet, oldSets })
    if (deployment.spec.paused || scale.length > 0) return { scale }
  }
  return deployment.spec.strategy?.type === 'Recreate' ? planRecreate(state, bounds) : planRolling(state, bounds)
}

/** Somebody scaled the Deployment: what is there is scaled in proportion before the rollout goes on. */
function wasResized({ replicas }: RolloutBounds, sets: ReplicaSet[]): boolean {
  return sets
    .filter(set => wantedReplicas(set) > 0)
    .some(set => Number(set.metadata.annotations?.[desiredReplicasAnnotation] ?? replicas) !== replicas)
}

/** First the old pods end, all of them, then the new ones come. */
function planRecreate({ newSet, oldSets, oldPodsRunning }: RolloutState, { replicas }: RolloutBounds): RolloutPlan {
  const active = oldSets.filter(set => wantedReplicas(set) > 0)
  if (active.length > 0) return { scale: active.map(set => ({ set, replicas: 0 })) }
  if (oldPodsRunning > 0) return nothing
  if (!newSet) return { create: { replicas }, scale: [] }
  return wantedReplicas(newSet) === replicas ? nothing : { scale: [{ set: newSet, replicas }] }
}

function planRolling({ newSet, oldSets }: RolloutState, bounds: RolloutBounds): RolloutPlan {
  const total = sum(oldSets, wantedReplicas) + (newSet ? wantedReplicas(newSet) : 0)
  if (!newSet) return { create: { replicas: grow(0, total, bounds) }, scale: [] }
  const present = wantedReplicas(newSet)
  const wanted = present > bounds.replicas ? bounds.replicas : grow(present, total, bounds)
  if (wanted !== present) return { scale: [{ set: newSet, replicas: wanted }] }
  return { scale: shrinkOld(newSet, byAge(oldSets), bounds) }
}

/** As many new pods as the surge leaves room for. */
function grow(present: number, total: number, { replicas, maxTotal }: RolloutBounds): number {
  return present + Math.max(0, Math.min(maxTotal - total, replicas - present))
}

/**
 * Takes old pods away as long as enough are available: those that are not available first, since nobody misses them, then
 * as many available ones as are over the minimum.
 */
function shrinkOld(newSet: ReplicaSet, oldSets: ReplicaSet[], bounds: RolloutBounds): Resize[] {
  const total = sum([...oldSets, newSet], wantedReplicas)
  // New pods that are not available yet may fail: they do not count towards the minimum.
  const newUnavailable = wantedReplicas(newSet) - availableReplicas(newSet)
  const removable = total - bounds.minAvailable - newUnavailable
  if (removable <= 0) return []
  const healthy = takeFrom(oldSets, wantedReplicas, { atMost: removable, spare: availableReplicas })
  const afterCleanup = (set: ReplicaSet): number => healthy.get(set) ?? wantedReplicas(set)
  const over = sum([...oldSets, newSet], availableReplicas) - bounds.minAvailable
  const final = takeFrom(oldSets, afterCleanup, { atMost: over, spare: () => 0 })
  return oldSets
    .map(set => ({ set, replicas: final.get(set) ?? afterCleanup(set) }))
    .filter(({ set, replicas }) => replicas !== wantedReplicas(set))
}

/** Lowers the replicas of one set after the other, `atMost` in all, none below what is to be spared. */
function takeFrom(
  sets: ReplicaSet[],
  replicasOf: (set: ReplicaSet) => number,
  { atMost, spare }: { atMost: number; spare: (set: ReplicaSet) => number },
): Map<ReplicaSet, number> {
  const result = new Map<ReplicaSet, number>()
  let left = Math.max(0, atMost)
  for (const set of sets) {
    const taken = Math.min(left, Math.max(0, replicasOf(set) - spare(set)))
    if (taken === 0) continue
    result.set(set, replicasOf(set) - taken)
    left -= taken
  }
  return result
}
