/** Which ReplicaSet is a Deployment's newest, what number each rollout has, and which old ones may go. Pure. */
import type { PodTemplate } from '../../contract/resources/pod.ts'
import {
  type Deployment,
  podTemplateHashLabel,
  type ReplicaSet,
  revisionAnnotation,
} from '../../contract/resources/workloads.ts'
import { sameJson } from '../store/same-json.ts'
import { wantedReplicas } from './replica-counts.ts'

/** Kubernetes' default of `revisionHistoryLimit`. */
const defaultHistoryLimit = 10

/** The ReplicaSet of the Deployment's present template; the oldest, should there be two. */
export function findNewReplicaSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const wanted = withoutHash(deployment.spec.template)
  return byAge(sets).find(set => sameJson(withoutHash(set.spec.template), wanted))
}

/** Oldest first. */
export function byAge(sets: readonly ReplicaSet[]): ReplicaSet[] {
  const age = (set: ReplicaSet): string => `${set.metadata.creationTimestamp} ${set.metadata.name}`
  return [...sets].sort((a, b) => (age(a) < age(b) ? -1 : 1))
}

/** Counted from 1; 0 for one that carries no number. */
export function revisionOf(set: ReplicaSet): number {
  return Number(set.metadata.annotations?.[revisionAnnotation] ?? 0) || 0
}

/** One more than every other ReplicaSet's: going back to an old template is a new revision too. */
export function revisionOfNew(newSet: ReplicaSet | undefined, sets: readonly ReplicaSet[]): number {
  const highest = Math.max(0, ...sets.filter(set => set !== newSet).map(revisionOf))
  return Math.max(highest + 1, newSet ? revisionOf(newSet) : 0)
}

/** Old ReplicaSets beyond the history limit, oldest revision first; none that has or may have pods. */
export function expiredReplicaSets(deployment: Deployment, oldSets: readonly ReplicaSet[]): ReplicaSet[] {
  const kept = deployment.spec.revisionHistoryLimit ?? defaultHistoryLimit
  const living = oldSets.filter(set => set.metadata.deletionTimestamp === undefined)
  const excess = [...living].sort((a, b) => revisionOf(a) - revisionOf(b)).slice(0, Math.max(0, living.length - kept))
  return excess.filter(set => {
    const isObserved = (set.status?.observedGeneration ?? 0) >= (set.metadata.generation ?? 1)
    return isObserved && wantedReplicas(set) === 0 && (set.status?.replicas ?? 0) === 0
  })
}

function withoutHash(template: PodTemplate): PodTemplate {
  const { [podTemplateHashLabel]: _hash, ...labels } = template.metadata?.labels ?? {}
  return { ...template, metadata: { ...template.metadata, labels } }
}
