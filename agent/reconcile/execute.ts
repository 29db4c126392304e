/** Does the steps: one table from each kind of step to what it asks of the runtime. */
import { writeFile } from 'node:fs/promises'
import type { PodWish, ReportedEvent } from '../../contract/wire/fleet.ts'
import { type Clock, timestamp } from '../../kit/clock.ts'
import { makeDirectory } from '../../kit/directory.ts'
import { hasCode, messageOf } from '../../kit/errors.ts'
import type { ContainerConfig, ObservedPod, Runtime } from '../runtime/runtime.ts'
import { type BoardPaths, renderContainer, renderHosts, renderSandbox } from './container-config.ts'
import type { EnvSources } from './env.ts'
import { directoryOf, makePodFiles } from './pod-files.ts'
import { configFailure, type PodRecord } from './pod-record.ts'
import type { Step } from './steps.ts'
import type { Turns } from './turns.ts'

export interface Executor {
  runtime: Runtime
  clock: Clock
  paths: BoardPaths
  /** What environments are made of; the pod and its address are added per step. */
  sources: () => Omit<EnvSources, 'pod' | 'podIP'>
  onEvent: (event: ReportedEvent) => void
}

export interface StepContext {
  /** Undefined when the pod is no longer wished. */
  wish: PodWish | undefined
  observed: readonly ObservedPod[]
  record: PodRecord
  executor: Executor
  /** Shared by all pods of the board. Stopping takes no turn: it costs nothing but time, up to its grace period. */
  turns: { start: Turns; pull: Turns }
}

type Handlers = { [K in Step['type']]: (step: Extract<Step, { type: K }>, context: StepContext) => Promise<void> }

const handlers: Handlers = {
  async runSandbox({ attempt }, { wish, record, executor, turns }) {
    if (!wish) return
    const sandbox = renderSandbox(wish, attempt, executor.paths)
    await makePodFiles(executor.paths, sandbox)
    record.sandboxAttempts = attempt + 1
    try {
      await turns.start.take(() => executor.runtime.runSandbox(sandbox))
      record.sandboxFailure = undefined
    } catch (error) {
      record.sandboxFailure = `cannot make the pod's sandbox: ${messageOf(error)}`
      emit(executor, wish, { type: 'Warning', reason: 'FailedCreatePodSandBox', message: record.sandboxFailure })
      throw error
    }
  },
  stopSandbox: ({ sandboxId }, { executor }) => executor.runtime.stopSandbox(sandboxId),
  async removeSandbox({ sandboxId }, { executor }) {
    await executor.runtime.stopSandbox(sandboxId)
    await executor.runtime.removeSandbox(sandboxId)
  },
  startContainer,
  async stopContainer({ containerId, graceSeconds, why }, { wish, observed, executor }) {
    const name = observed.flatMap(sandbox => sandbox.containers).find(({ id }) => id === containerId)?.name
    if (wish) {
      const message = `Stopping container ${name}: ${why}`
      emit(executor, wish, { type: 'Normal', reason: 'Killing', message })
    }
    await executor.runtime.stopContainer(containerId, graceSeconds)
  },
  removeContainer: ({ containerId }, { executor }) => executor.runtime.removeContainer(containerId),
  // Told to the master by the reconciler, who owns the reports.
  reportGone: () => Promise.resolve(),
}

/** Rejects when the step failed in a way that a new look at the pod should be delayed for. */
export function runStep(step: Step, context: StepContext): Promise<void> {
  const handler = handlers[step.type] as (step: Step, context: StepContext) => Promise<void>
  return handler(step, context)
}

/** A failure to start is kept in the record, shown in the status, and tried again after its back-off. */
async function startContainer(
  step: Extract<Step, { type: 'startContainer' }>,
  { wish, record, executor, turns }: StepContext,
): Promise<void> {
  if (!wish) return
  const { container } = step
  const note = { phase: configFailure }
  try {
    const config = await prepareConfig(step, wish, executor)
    note.phase = 'ErrImagePull'
    await ensureImage(container, wish, { executor, turns })
    note.phase = 'CreateContainerError'
    await turns.start.take(async () => {
      const id = await executor.runtime.createContainer(step.sandboxId, config, renderSandbox(wish, 0, executor.paths))
      emit(executor, wish, { type: 'Normal', reason: 'Created', message: `Created container ${container.name}` })
      note.phase = 'RunContainerError'
      await executor.runtime.startContainer(id)
    })
    record.failures.delete(container.name)
    emit(executor, wish, { type: 'Normal', reason: 'Started', message: `Started container ${container.name}` })
  } catch (error) {
    const nowMs = executor.clock.monotonic()
    const failure = record.fail(container.name, { reason: note.phase, message: messageOf(error), nowMs })
    emit(executor, wish, { type: 'Warning', reason: 'Failed', message: `${container.name}: ${failure.message}` })
  }
}

async function prepareConfig(
  step: Extract<Step, { type: 'startContainer' }>,
  pod: PodWish,
  executor: Executor,
): Promise<ContainerConfig> {
  const sandbox = renderSandbox(pod, 0, executor.paths)
  const hostsPath = `${directoryOf(executor.paths, sandbox.uid)}/hosts`
  const config = renderContainer({
    container: step.container,
    attempt: step.attempt,
    crashes: step.crashes,
    sources: { ...executor.sources(), pod, podIP: step.podIP },
    hostsPath,
  })
  await makePodFiles(executor.paths, sandbox)
  await writeFile(hostsPath, renderHosts(pod, step.podIP))
  await makeDirectory(`${sandbox.logDirectory}/${step.container.name}`)
  return config
}

async function ensureImage(
  container: { image: string; imagePullPolicy?: string },
  pod: PodWish,
  { executor, turns }: Pick<StepContext, 'executor' | 'turns'>,
): Promise<void> {
  const { image, imagePullPolicy = 'IfNotPresent' } = container
  const present = (await executor.runtime.imageStatus(image)) !== undefined
  if (present && imagePullPolicy !== 'Always') return
  if (imagePullPolicy === 'Never') throw new Error(`image ${image} is not on this board, and imagePullPolicy is Never`)
  emit(executor, pod, { type: 'Normal', reason: 'Pulling', message: `Pulling image ${image}` })
  const startMs = executor.clock.monotonic()
  try {
    await turns.pull.take(() => executor.runtime.pullImage(image))
  } catch (error) {
    // A dead uplink must not keep a board from running what it has: Kubernetes would refuse here.
    if (!present || !hasCode(error, 'ServiceUnavailable', 'Timeout')) throw error
    const message = `Using the copy of ${image} on the board: ${messageOf(error)}`
    emit(executor, pod, { type: 'Warning', reason: 'PullFailed', message })
    return
  }
  const seconds = ((executor.clock.monotonic() - startMs) / 1000).toFixed(1)
  emit(executor, pod, { type: 'Normal', reason: 'Pulled', message: `Pulled image ${image} in ${seconds}s` })
}

function emit(executor: Executor, pod: PodWish, event: Pick<ReportedEvent, 'type' | 'reason' | 'message'>): void {
  const { namespace = 'default', name, uid = '' } = pod.metadata
  executor.onEvent({ ...event, pod: { namespace, name, uid }, timestamp: timestamp(executor.clock) })
}
