/** Pods, with the word for their state that kubectl finds (kubernetes `pkg/printers/internalversion`, printPod). */
import { findCondition } from '../../contract/resources/conditions.ts'
import type { ContainerStatus, Pod } from '../../contract/resources/pod.ts'
import { formatAge } from '../durations.ts'
import { ageColumn, nameColumn } from './common.ts'
import { type Column, orNone } from './table-kind.ts'

export const podColumns: Column<Pod>[] = [
  nameColumn(),
  { title: 'READY', cell: pod => `${readyContainers(pod)}/${pod.spec.containers.length}` },
  { title: 'STATUS', cell: podStatusWord },
  { title: 'RESTARTS', cell: (pod, { nowMs }) => restarts(pod, nowMs) },
  ageColumn(),
  { title: 'IP', wide: true, cell: pod => orNone(pod.status?.podIP) },
  { title: 'NODE', wide: true, cell: pod => orNone(pod.spec.nodeName) },
]

/** `Running`, `ContainerCreating`, `CrashLoopBackOff`, `Terminating`, `Completed` … */
export function podStatusWord(pod: Pod): string {
  const statuses = pod.status?.containerStatuses ?? []
  const finished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
  if (pod.metadata.deletionTimestamp !== undefined && pod.status?.reason === 'NodeLost') return 'Unknown'
  if (pod.metadata.deletionTimestamp !== undefined && !finished) return 'Terminating'
  // The first container that is not running says why the pod is not.
  const reason = statuses.map(containerReason).find(found => found !== undefined)
  const word = reason ?? pod.status?.reason ?? pod.status?.phase ?? 'Pending'
  if (word !== 'Completed' || !statuses.some(isRunning)) return word
  return findCondition(pod.status?.conditions, 'Ready')?.status === 'True' ? 'Running' : 'NotReady'
}

function containerReason({ state }: ContainerStatus): string | undefined {
  if (state?.waiting?.reason) return state.waiting.reason
  if (!state?.terminated) return undefined
  const { reason, signal, exitCode } = state.terminated
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`)
}

function isRunning(status: ContainerStatus): boolean {
  return status.ready && status.state?.running !== undefined
}

function readyContainers(pod: Pod): number {
  return (pod.status?.containerStatuses ?? []).filter(isRunning).length
}

function restarts(pod: Pod, nowMs: number): string {
  const statuses = pod.status?.containerStatuses ?? []
  const count = statuses.reduce((sum, status) => sum + status.restartCount, 0)
  const ends = statuses.flatMap(status => status.lastState?.terminated?.finishedAt ?? [])
  const last = ends.sort().at(-1)
  return count > 0 && last ? `${count} (${formatAge(last, nowMs)} ago)` : String(count)
}
