/** What a ReplicaSet's pods come to. Pure. */
import { findCondition, setCondition } from '../../contract/resources/conditions.ts'
import type { Condition } from '../../contract/resources/meta.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { isPodAvailable, isPodReady } from '../../contract/resources/pods.ts'
import type { ReplicaSet, ReplicaSetStatus } from '../../contract/resources/workloads.ts'

/** `failure`: why pods could not be created or deleted just now. */
export function replicaSetStatus(
  set: ReplicaSet,
  active: readonly Pod[],
  now: { nowMs: number; timestamp: string; failure?: { reason: string; message: string } },
): ReplicaSetStatus {
  const minReadySeconds = set.spec.minReadySeconds ?? 0
  const templateLabels = Object.entries(set.spec.template.metadata?.labels ?? {})
  const isFullyLabeled = ({ metadata }: Pod): boolean =>
    templateLabels.every(([name, value]) => metadata.labels?.[name] === value)
  const conditions = failureConditions(set.status?.conditions, now)
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter(isFullyLabeled).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: active.filter(pod => isPodAvailable(pod, minReadySeconds, now.nowMs)).length,
    observedGeneration: set.metadata.generation ?? 1,
    ...(conditions.length > 0 && { conditions }),
  }
}

/** Milliseconds until the next ready pod counts as available; undefined when none is on its way. */
export function msUntilAvailable(minReadySeconds: number, pods: readonly Pod[], nowMs: number): number | undefined {
  const dueTimes = pods
    .filter(pod => isPodReady(pod) && !isPodAvailable(pod, minReadySeconds, nowMs))
    .map(pod => Date.parse(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime ?? ''))
    .map(since => since + minReadySeconds * 1000 - nowMs)
    .filter(Number.isFinite)
  return dueTimes.length > 0 ? Math.max(1, Math.min(...dueTimes)) : undefined
}

function failureConditions(
  conditions: readonly Condition[] | undefined,
  { timestamp, failure }: { timestamp: string; failure?: { reason: string; message: string } },
): Condition[] {
  const others = (conditions ?? []).filter(condition => condition.type !== 'ReplicaFailure')
  if (!failure) return others
  return setCondition(conditions, { type: 'ReplicaFailure', status: 'True', ...failure }, timestamp)
}
