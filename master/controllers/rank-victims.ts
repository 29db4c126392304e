/** Decides which pods of a ReplicaSet go first when there are too many: those that will be missed least. Pure. */
import { findCondition } from '../../contract/resources/conditions.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { isPodReady } from '../../contract/resources/pods.ts'

/** On a pod: the lower the number, the sooner it goes (Kubernetes, "Pod deletion cost"). */
export const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost'

type Comparison = (a: Pod, b: Pod) => number

/**
 * Sorted, the first victim first, by the order that Kubernetes documents for ReplicaSets: not yet on a node, pending, not
 * ready, cheap by annotation, doubled up on a node, ready for a short time, often restarted, young. `related` are the
 * active pods that count as doubles: those of the whole Deployment. Names settle what is left, so that the answer is
 * the same each time it is asked for.
 */
export function rankVictims(pods: readonly Pod[], related: readonly Pod[]): Pod[] {
  const doubles = countByNode(related)
  const doublesOf = (pod: Pod): number => doubles.get(pod.spec.nodeName ?? '') ?? 0
  const comparisons: Comparison[] = [
    (a, b) => Number(a.spec.nodeName !== undefined) - Number(b.spec.nodeName !== undefined),
    (a, b) => phaseRank(a) - phaseRank(b),
    (a, b) => Number(isPodReady(a)) - Number(isPodReady(b)),
    (a, b) => deletionCost(a) - deletionCost(b),
    (a, b) => doublesOf(b) - doublesOf(a),
    (a, b) => readySince(b) - readySince(a),
    (a, b) => restarts(b) - restarts(a),
    (a, b) => createdAt(b) - createdAt(a),
    (a, b) => (a.metadata.name < b.metadata.name ? -1 : 1),
  ]
  return [...pods].sort((a, b) => {
    for (const compare of comparisons) {
      const order = compare(a, b)
      if (order !== 0) return order
    }
    return 0
  })
}

function countByNode(pods: readonly Pod[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { spec } of pods) if (spec.nodeName) counts.set(spec.nodeName, (counts.get(spec.nodeName) ?? 0) + 1)
  return counts
}

function phaseRank(pod: Pod): number {
  const phase = pod.status?.phase ?? 'Pending'
  return phase === 'Pending' ? 0 : phase === 'Unknown' ? 1 : 2
}

function deletionCost(pod: Pod): number {
  const cost = Number(pod.metadata.annotations?.[deletionCostAnnotation] ?? 0)
  return Number.isInteger(cost) ? cost : 0
}

function readySince(pod: Pod): number {
  return isPodReady(pod) ? parseTime(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime) : 0
}

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map(status => status.restartCount))
}

function createdAt(pod: Pod): number {
  return parseTime(pod.metadata.creationTimestamp)
}

function parseTime(text: string | undefined): number {
  return Date.parse(text ?? '') || 0
}
