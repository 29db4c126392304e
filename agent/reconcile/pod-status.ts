/** What the master is told of a pod: its PodStatus from what the runtime shows. Pure. */
import type { Condition } from '../../contract/resources/meta.ts'
import type { Container, ContainerState, ContainerStatus, PodPhase, PodStatus } from '../../contract/resources/pod.ts'
import { bytesOf, milliCpu } from '../../contract/resources/quantity.ts'
import type { PodWish } from '../../contract/wire/fleet.ts'
import { rfc3339 } from '../../kit/clock.ts'
import type { ObservedContainer, ObservedPod } from '../runtime/runtime.ts'
import { crashBackoffMs, crashesOf, currentSandbox, isDone, isFinished, latestContainers } from './plan-pod.ts'
import type { PodRecord } from './pod-record.ts'

export interface StatusView {
  wish: PodWish
  observed: readonly ObservedPod[]
  record: PodRecord
  hostIP: string | undefined
}

export function renderPodStatus(view: StatusView): PodStatus {
  const { wish, observed, record, hostIP } = view
  const latest = latestContainers(wish, observed)
  const containers = wish.spec.containers.map(spec => renderContainerStatus(spec, latest.get(spec.name), view))
  const phase = phaseOf(view, latest)
  const sandbox = currentSandbox(observed)
  const podIP = wish.spec.hostNetwork ? hostIP : sandbox?.ip
  const startedMs = Math.min(...observed.map(({ createdAtMs }) => createdAtMs))
  return {
    phase,
    ...(hostIP === undefined ? {} : { hostIP }),
    ...(podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    ...(Number.isFinite(startedMs) ? { startTime: rfc3339(startedMs) } : {}),
    ...(record.sandboxFailure === undefined || sandbox ? {} : { message: record.sandboxFailure }),
    conditions: conditionsOf(phase, containers, latest),
    containerStatuses: containers,
    qosClass: qosClassOf(wish.spec.containers),
  }
}

/** Kubernetes' three classes (core/v1 PodQOSClass): all limits set and equal to requests, some of either, or none. */
export function qosClassOf(containers: readonly Container[]): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const amounts = containers.flatMap(({ resources: { requests = {}, limits = {} } = {} }) => [
    { request: amount(milliCpu, requests['cpu'] ?? limits['cpu']), limit: amount(milliCpu, limits['cpu']) },
    { request: amount(bytesOf, requests['memory'] ?? limits['memory']), limit: amount(bytesOf, limits['memory']) },
  ])
  if (amounts.every(({ request, limit }) => request === 0 && limit === 0)) return 'BestEffort'
  return amounts.every(({ request, limit }) => limit > 0 && request === limit) ? 'Guaranteed' : 'Burstable'
}

function amount(read: (quantity: string) => number, quantity: string | undefined): number {
  return quantity === undefined ? 0 : read(quantity)
}

function phaseOf({ wish, observed }: StatusView, latest: Map<string, ObservedContainer | undefined>): PodPhase {
  const all = [...latest.values()]
  if (isFinished(wish, observed)) return all.every(container => container?.exitCode === 0) ? 'Succeeded' : 'Failed'
  return all.every(container => container !== undefined && container.state !== 'created') ? 'Running' : 'Pending'
}

function renderContainerStatus(
  spec: Container,
  last: ObservedContainer | undefined,
  view: StatusView,
): ContainerStatus {
  const state = stateOf(spec, last, view)
  const running = state.running !== undefined
  const previous = previousState(spec, state, view)
  return {
    name: spec.name,
    image: spec.image,
    imageID: last?.imageId ?? '',
    ...(last ? { containerID: `containerd://${last.id}` } : {}),
    ready: running,
    started: running,
    restartCount: last?.attempt ?? view.record.attempts.get(spec.name) ?? 0,
    state,
    ...(previous ? { lastState: previous } : {}),
  }
}

function stateOf(spec: Container, last: ObservedContainer | undefined, { wish, record }: StatusView): ContainerState {
  const failure = record.failures.get(spec.name)
  if (last?.state === 'running') return { running: { startedAt: rfc3339(last.startedAtMs) } }
  if (failure) return { waiting: { reason: failure.reason, message: failure.message } }
  if (last?.state !== 'exited') return { waiting: { reason: 'ContainerCreating' } }
  if (isDone(wish, last)) return terminated(last)
  const waitMs = crashBackoffMs(crashesOf(last))
  if (waitMs === 0) return terminated(last)
  const message = `back-off ${Math.round(waitMs / 1000)}s restarting failed container=${spec.name}`
  return { waiting: { reason: 'CrashLoopBackOff', message } }
}

/** The end of the attempt before the one that `state` shows. */
function previousState(spec: Container, state: ContainerState, { observed }: StatusView): ContainerState | undefined {
  const ended = observed
    .flatMap(sandbox => sandbox.containers)
    .filter(container => container.name === spec.name && container.state === 'exited')
    .sort((a, b) => b.attempt - a.attempt)
  const before = state.terminated ? ended[1] : ended[0]
  return before ? terminated(before) : undefined
}

function terminated(container: ObservedContainer): ContainerState {
  return {
    terminated: {
      exitCode: container.exitCode,
      reason: container.reason || (container.exitCode === 0 ? 'Completed' : 'Error'),
      ...(container.message ? { message: container.message } : {}),
      startedAt: rfc3339(container.startedAtMs),
      finishedAt: rfc3339(container.finishedAtMs),
      containerID: `containerd://${container.id}`,
    },
  }
}

function conditionsOf(
  phase: PodPhase,
  containers: ContainerStatus[],
  latest: Map<string, ObservedContainer | undefined>,
): Condition[] {
  const unready = containers.filter(({ ready }) => !ready).map(({ name }) => name)
  const ready: Condition =
    unready.length === 0
      ? { type: 'Ready', status: 'True' }
      : { type: 'Ready', status: 'False', ...reasonOf(phase, unready) }
  // The moment when the last of them became ready or not, told by the containers themselves: a restarted agent says the same.
  const moments = [...latest.values()].map(container =>
    Math.max(container?.startedAtMs ?? 0, container?.finishedAtMs ?? 0),
  )
  const changedMs = Math.max(...moments)
  const when = changedMs > 0 ? { lastTransitionTime: rfc3339(changedMs) } : {}
  return [
    { type: 'Initialized', status: 'True' },
    { ...ready, ...when },
    { ...ready, type: 'ContainersReady', ...when },
    { type: 'PodScheduled', status: 'True' },
  ]
}

function reasonOf(phase: PodPhase, unready: string[]): { reason: string; message?: string } {
  if (phase === 'Succeeded') return { reason: 'PodCompleted' }
  if (phase === 'Failed') return { reason: 'PodFailed' }
  return { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` }
}
