/** exec: which node is to start the process. */

import { badRequest } from '../refusals.ts'
import type { Answer, RequestOf, Room } from '../room.ts'
import { type FoundContainer, findContainer } from '../running-container.ts'

export async function runExec(room: Room, { target, options }: RequestOf<'exec'>): Promise<Answer> {
  const { container: wanted, ...rest } = options
  const { command } = rest
  if (!Array.isArray(command) || command.length === 0) throw badRequest('you must specify at least one command')
  const found = await findContainer(room, target, wanted)
  refuseStopped(found)
  return { node: found.node, forward: { verb: 'exec', pod: found.pod, container: found.container, options: rest } }
}

function refuseStopped({ status, phase, container, pod }: FoundContainer): void {
  if (phase === 'Succeeded' || phase === 'Failed')
    throw badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`)
  if (status?.state?.running) return
  const { waiting, terminated } = status?.state ?? {}
  const why = waiting?.reason ?? terminated?.reason ?? 'its node has not reported it yet'
  throw badRequest(`container "${container}" in pod "${pod.name}" is not running: ${why}`)
}
