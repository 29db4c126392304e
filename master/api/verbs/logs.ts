/** logs: which node has them. */

import { badRequest } from '../refusals.ts'
import type { Answer, RequestOf, Room } from '../room.ts'
import { type FoundContainer, findContainer } from '../running-container.ts'

export async function runLogs(room: Room, { target, options }: RequestOf<'logs'>): Promise<Answer> {
  const { container: wanted, ...rest } = options
  const found = await findContainer(room, target, wanted)
  refuseUnstarted(found, options.previous ?? false)
  return { node: found.node, forward: { verb: 'logs', pod: found.pod, container: found.container, options: rest } }
}

function refuseUnstarted({ status, container, pod }: FoundContainer, previous: boolean): void {
  const subject = `container "${container}" in pod "${pod.name}"`
  if (previous && !status?.lastState?.terminated) throw badRequest(`previous terminated ${subject} not found`)
  const started = status?.state?.running ?? status?.state?.terminated ?? status?.lastState?.terminated
  if (!started)
    throw badRequest(`${subject} is waiting to start: ${status?.state?.waiting?.reason ?? 'not yet reported'}`)
}
