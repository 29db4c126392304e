/** What a pod's object says about it: readiness, activity, and what it asks of a node. */
import { findCondition } from './conditions.ts'
import type { ResourceList } from './meta.ts'
import type { Container, Pod } from './pod.ts'
import { bytesOf, milliCpu } from './quantity.ts'

export interface PodRequests {
  cpuMillis: number
  memoryBytes: number
}

/** May get traffic, as its Ready condition says. */
export function isPodReady(pod: Pod): boolean {
  return findCondition(pod.status?.conditions, 'Ready')?.status === 'True'
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  if (!isPodReady(pod)) return false
  if (minReadySeconds <= 0) return true
  const since = Date.parse(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime ?? '')
  return since + minReadySeconds * 1000 <= nowMs
}

/** Neither finished nor being deleted: it counts as a replica. */
export function isPodActive(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && !isPodFinished(pod)
}

/** Its containers have ended for good; it uses nothing of its node any more. */
export function isPodFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}

/**
 * What the scheduler sets aside: the sum of the containers, or the largest init container if that is more, plus the
 * overhead. An init container that restarts always is a sidecar and counts among the containers (KEP-753).
 */
export function podRequests(pod: Pod): PodRequests {
  const spec = pod.spec as Pod['spec'] & { initContainers?: Container[]; overhead?: ResourceList }
  let running: PodRequests = { cpuMillis: 0, memoryBytes: 0 }
  let peak: PodRequests = running
  for (const container of spec.initContainers ?? []) {
    const requests = requestsOf(container.resources?.requests)
    peak = largest(peak, add(running, requests))
    if (container['restartPolicy'] === 'Always') running = add(running, requests)
  }
  for (const container of spec.containers) running = add(running, requestsOf(container.resources?.requests))
  return add(largest(peak, running), requestsOf(spec.overhead))
}

function requestsOf(list: ResourceList | undefined): PodRequests {
  return { cpuMillis: milliCpu(list?.['cpu'] ?? '0'), memoryBytes: bytesOf(list?.['memory'] ?? '0') }
}

function add(left: PodRequests, right: PodRequests): PodRequests {
  return { cpuMillis: left.cpuMillis + right.cpuMillis, memoryBytes: left.memoryBytes + right.memoryBytes }
}

function largest(left: PodRequests, right: PodRequests): PodRequests {
  return {
    cpuMillis: Math.max(left.cpuMillis, right.cpuMillis),
    memoryBytes: Math.max(left.memoryBytes, right.memoryBytes),
  }
}
