/** Decides what to do next for one pod on this board: pure, from its wish and what the runtime shows. */
import type { Container } from '../../contract/resources/pod.ts'
import type { PodWish } from '../../contract/wire/fleet.ts'
import type { ObservedContainer, ObservedPod } from '../runtime/runtime.ts'
import { specHash } from './container-config.ts'
import type { PodRecord } from './pod-record.ts'
import { crashesAnnotation, graceAnnotation, type Plan, type Step, specHashAnnotation } from './steps.ts'

export interface PodView {
  /** Undefined: the pod is not wanted here (any more). */
  wish: PodWish | undefined
  /** All sandboxes of the pod's uid. */
  observed: readonly ObservedPod[]
  record: PodRecord
  nowMs: number
  monotonicMs: number
}

/** kubelet's: a container that ran this long starts its back-off anew. */
const crashResetMs = 10 * 60_000
const crashBackoffMinMs = 10_000
const crashBackoffMaxMs = 5 * 60_000
const defaultGraceSeconds = 30

export function planPod(view: PodView): Plan {
  const { wish } = view
  if (!wish || wish.metadata.deletionTimestamp) return planRemoval(view)
  if (isFinished(wish, view.observed)) return planFinished(view.observed)
  const current = currentSandbox(view.observed)
  const dead = view.observed.filter(sandbox => sandbox !== current)
  if (dead.length > 0) return { steps: dead.map(({ sandboxId }) => ({ type: 'removeSandbox', sandboxId })) }
  if (!current) return { steps: [{ type: 'runSandbox', attempt: view.record.sandboxAttempts }] }
  return planContainers(wish, current, view)
}

/** The newest sandbox that still works; an older one, or a dead one, is only good for removal. */
export function currentSandbox(observed: readonly ObservedPod[]): ObservedPod | undefined {
  const newest = [...observed].sort((a, b) => b.attempt - a.attempt)[0]
  return newest?.ready ? newest : undefined
}

/** The last attempt of each container that the pod asks for, by name. */
export function latestContainers(
  wish: PodWish,
  observed: readonly ObservedPod[],
): Map<string, ObservedContainer | undefined> {
  const all = observed.flatMap(sandbox => sandbox.containers)
  return new Map(wish.spec.containers.map(({ name }) => [name, latestOf(all, name)]))
}

/** True when every container has ended for good under the pod's restart policy. */
export function isFinished(wish: PodWish, observed: readonly ObservedPod[]): boolean {
  const latest = latestContainers(wish, observed)
  // One that was stopped for its new definition is to start again; a pod that let go of its sandbox had ended before.
  const mayGoOn = currentSandbox(observed) !== undefined
  return wish.spec.containers.every(spec => {
    const last = latest.get(spec.name)
    return last !== undefined && isDone(wish, last) && !(mayGoOn && isChanged(spec, last))
  })
}

/** True when the pod's restart policy leaves the container at its end. */
export function isDone(wish: PodWish, container: ObservedContainer): boolean {
  if (container.state !== 'exited') return false
  const policy = wish.spec.restartPolicy ?? 'Always'
  return policy === 'Never' || (policy === 'OnFailure' && container.exitCode === 0)
}

/** How long after its end a container with so many quick ends before it may start again. */
export function crashBackoffMs(crashes: number): number {
  return crashes === 0 ? 0 : Math.min(crashBackoffMaxMs, crashBackoffMinMs * 2 ** (crashes - 1))
}

export function crashesOf(container: ObservedContainer): number {
  return Number(container.annotations[crashesAnnotation] ?? 0)
}

function planRemoval({ wish, observed }: PodView): Plan {
  if (observed.length === 0) return { steps: [{ type: 'reportGone' }] }
  const running = observed.flatMap(sandbox =>
    sandbox.containers
      .filter(({ state }) => state === 'running')
      .map(({ id }) => ({ id, graceSeconds: graceOf(wish, sandbox) })),
  )
  if (running.length === 0) return { steps: observed.map(({ sandboxId }) => ({ type: 'removeSandbox', sandboxId })) }
  return {
    steps: running.map(({ id, graceSeconds }) => ({
      type: 'stopContainer',
      containerId: id,
      graceSeconds,
      why: 'the pod is being deleted',
    })),
  }
}

function graceOf(wish: PodWish | undefined, sandbox: ObservedPod): number {
  const asked = wish?.metadata.deletionGracePeriodSeconds ?? wish?.spec.terminationGracePeriodSeconds
  return asked ?? Number(sandbox.annotations[graceAnnotation] ?? defaultGraceSeconds)
}

/** A finished pod keeps its containers (their logs and states are asked for) but not its address. */
function planFinished(observed: readonly ObservedPod[]): Plan {
  const idle = observed.filter(({ ready }) => ready)
  return { steps: idle.map(({ sandboxId }) => ({ type: 'stopSandbox', sandboxId })) }
}

function planContainers(wish: PodWish, sandbox: ObservedPod, view: PodView): Plan {
  const latest = latestContainers(wish, [sandbox])
  const plans = wish.spec.containers.map(spec => planContainer(spec, latest.get(spec.name), { wish, sandbox, view }))
  const waits = plans.map(({ againInMs }) => againInMs).filter(wait => wait !== undefined)
  const steps = [...plans.flatMap(plan => plan.steps), ...planLeftovers(wish, sandbox)]
  return waits.length > 0 ? { steps, againInMs: Math.min(...waits) } : { steps }
}

interface Context {
  wish: PodWish
  sandbox: ObservedPod
  view: PodView
}

function planContainer(spec: Container, last: ObservedContainer | undefined, context: Context): Plan {
  if (!last) return planStart(spec, context, { crashes: 0 })
  switch (last.state) {
    case 'running':
      return planRunning(spec, last, context.wish)
    case 'exited':
      return planExited(spec, last, context)
    default:
      // Created and never started, or of unknown state: an agent or runtime died in between. Begin again.
      return { steps: [{ type: 'removeContainer', containerId: last.id }] }
  }
}

function planRunning(spec: Container, last: ObservedContainer, wish: PodWish): Plan {
  if (!isChanged(spec, last)) return { steps: [] }
  const graceSeconds = wish.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds
  return { steps: [{ type: 'stopContainer', containerId: last.id, graceSeconds, why: 'its definition changed' }] }
}

function planExited(spec: Container, last: ObservedContainer, context: Context): Plan {
  const changed = isChanged(spec, last)
  if (!changed && isDone(context.wish, last)) return { steps: [] }
  const ranMs = last.finishedAtMs - last.startedAtMs
  const crashes = changed || ranMs >= crashResetMs ? 0 : crashesOf(last)
  const readyInMs = last.finishedAtMs + crashBackoffMs(crashes) - context.view.nowMs
  // A clock that was set back must not make the wait longer than the back-off itself.
  const waitMs = Math.min(readyInMs, crashBackoffMs(crashes))
  if (waitMs > 0) return { steps: [], againInMs: waitMs }
  // What was stopped because its definition changed did not crash.
  return planStart(spec, context, { crashes: changed ? 0 : crashes + 1 })
}

function planStart(container: Container, { sandbox, view }: Context, { crashes }: { crashes: number }): Plan {
  const failure = view.record.failures.get(container.name)
  const waitMs = failure ? failure.retryAtMs - view.monotonicMs : 0
  if (waitMs > 0) return { steps: [], againInMs: waitMs }
  const seen = view.record.attempts.get(container.name)
  const attempt = seen === undefined ? 0 : seen + 1
  const { sandboxId, ip } = sandbox
  return { steps: [{ type: 'startContainer', container, attempt, crashes, sandboxId, podIP: ip }] }
}

/** Containers that the pod no longer names, and all but the newest two attempts (the last dead one keeps its log). */
function planLeftovers(wish: PodWish, sandbox: ObservedPod): Step[] {
  const wanted = new Set(wish.spec.containers.map(({ name }) => name))
  const leftovers = sandbox.containers.filter(container => {
    if (!wanted.has(container.name)) return true
    const newer = sandbox.containers.filter(other => other.name === container.name && other.attempt > container.attempt)
    return newer.length > 1 && container.state === 'exited'
  })
  return leftovers.map(({ id }) => ({ type: 'removeContainer', containerId: id }))
}

function isChanged(spec: Container, container: ObservedContainer): boolean {
  return container.annotations[specHashAnnotation] !== specHash(spec)
}

function latestOf(containers: readonly ObservedContainer[], name: string): ObservedContainer | undefined {
  return containers.filter(container => container.name === name).sort((a, b) => b.attempt - a.attempt)[0]
}
