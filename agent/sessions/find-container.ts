/** The container that a request means, by the pod's uid: a namesake that came later is another pod. */
import type { PodTarget } from '../../contract/wire/node-request.ts'
import { CodedError } from '../../kit/errors.ts'
import type { ObservedContainer, Runtime } from '../runtime/runtime.ts'

/** Attempts of the container, newest first. Rejects with `NotFound` when the pod is not on this board. */
export async function findAttempts(runtime: Runtime, pod: PodTarget, name: string): Promise<ObservedContainer[]> {
  const sandboxes = (await runtime.listPods()).filter(({ uid }) => uid === pod.uid)
  const where = `${pod.namespace}/${pod.name}`
  if (sandboxes.length === 0)
    throw new CodedError('NotFound', `cannot find pod ${where}: because it is not on this node`)
  const attempts = sandboxes.flatMap(sandbox => sandbox.containers).filter(container => container.name === name)
  if (attempts.length === 0)
    throw new CodedError('NotFound', `container ${name} of pod ${where} has not been created yet`)
  return attempts.sort((a, b) => b.createdAtMs - a.createdAtMs || b.attempt - a.attempt)
}
