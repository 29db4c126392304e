/** logs: the container's log file, as frames of bytes. */
import type { NodeRequest } from '../../contract/wire/node-request.ts'
import type { FrameStream } from '../../kit/bus/stream.ts'
import { type Clock, sleep } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import { readLogs } from '../runtime/logs.ts'
import type { ObservedContainer, Runtime } from '../runtime/runtime.ts'
import { findAttempts } from './find-container.ts'

type LogsRequest = Extract<NodeRequest, { verb: 'logs' }>

/** How long after a followed container's end its last lines may still be on their way to the file. */
const lastLinesMs = 300
const endCheckMs = 500

/** Finds the log; what it resolves to sends it. Rejects before anything is sent when there is none. */
export async function sendLogs(
  runtime: Runtime,
  request: LogsRequest,
  clock: Clock,
): Promise<(stream: FrameStream) => Promise<void>> {
  const { pod, container, options } = request
  const attempts = await findAttempts(runtime, pod, container)
  const chosen = options.previous ? attempts[1] : attempts[0]
  if (!chosen) {
    throw new CodedError('NotFound', `container ${container} of pod ${pod.namespace}/${pod.name} has not run before`)
  }
  const { tailLines, sinceSeconds, timestamps = false, follow = false } = options
  return async stream => {
    const end = new AbortController()
    void stream.closed.then(() => end.abort())
    const chunks = readLogs(chosen.logPath, {
      ...(tailLines === undefined ? {} : { tailLines }),
      ...(sinceSeconds === undefined ? {} : { sinceMs: clock.now() - sinceSeconds * 1000 }),
      timestamps,
      follow,
      isOver: watchForEnd({ runtime, request, chosen, clock, signal: end.signal }),
      signal: end.signal,
      clock,
    })
    for await (const { stream: channel, bytes } of chunks) await stream.sendBytes(channel, Buffer.from(bytes))
  }
}

/** Following ends with the container, as `kubectl logs -f` does; asked at the end of the file, so that nothing is cut off. */
function watchForEnd(parts: {
  runtime: Runtime
  request: LogsRequest
  chosen: ObservedContainer
  clock: Clock
  signal: AbortSignal
}): () => Promise<boolean> {
  const { runtime, request, chosen, clock, signal } = parts
  const asked = { atMs: Number.NEGATIVE_INFINITY }
  return async () => {
    // The file of a chatty container ends often; the runtime is not asked for each of its lines.
    if (clock.monotonic() - asked.atMs < endCheckMs) return false
    asked.atMs = clock.monotonic()
    if (await isAlive(runtime, request, chosen)) return false
    await sleep(clock, lastLinesMs, signal).catch(() => undefined) // nobody reads any more: over all the same
    return true
  }
}

async function isAlive(runtime: Runtime, { pod, container }: LogsRequest, chosen: ObservedContainer): Promise<boolean> {
  // A runtime that cannot be asked just now is no reason to stop following.
  const attempts = await findAttempts(runtime, pod, container).catch(error => {
    if (error instanceof CodedError && error.code === 'NotFound') return []
    return [chosen]
  })
  return attempts.some(({ id, state }) => id === chosen.id && state !== 'exited')
}
