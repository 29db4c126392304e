/** Does the steps: one table from each kind of step to what it asks of the runtime. */
import { messageOf } from '../../kit/errors.ts'
import { renderSandbox } from './container-config.ts'
import { emit, type StepContext } from './executor.ts'
import { makePodFiles } from './pod-files.ts'
import { startContainer } from './start-container.ts'
import type { Step } from './steps.ts'

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
