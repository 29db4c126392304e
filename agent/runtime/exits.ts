/** Tells at once when a process of a container has ended, from containerd's own events; CRI would have to be polled. */
import { backoffMs } from '../../kit/backoff.ts'
import { type Clock, sleep } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import { eventEnvelope, subscribeRequest, taskExit } from './containerd-messages.ts'
import { cri, queryDeadlineMs } from './cri.ts'
import type { GrpcClient, Method } from './grpc.ts'
import { decode, type Message } from './protobuf.ts'

const reconnect = { minMs: 100, maxMs: 5_000, jitter: 0.2 }

const subscribe: Method<typeof subscribeRequest, typeof eventEnvelope> = {
  path: '/containerd.services.events.v1.Events/Subscribe',
  request: subscribeRequest,
  response: eventEnvelope,
}

/** containerd `filters`: the items of one line must all hold, any of the lines may. */
const filters = ['/tasks/exit', '/tasks/oom'].map(topic => `namespace==k8s.io,topic=="${topic}"`)

export interface WatchOptions {
  clock: Clock
  log: Log
  signal: AbortSignal
}

/** Calls `onChange` also after each (re)connection, because exits meanwhile went unseen. Runs until `signal` aborts. */
export async function watchExits(client: GrpcClient, onChange: () => void, options: WatchOptions): Promise<void> {
  const { clock, log, signal } = options
  let failures = 0
  const onOpen = (): void => {
    failures = 0
    onChange()
  }
  while (!signal.aborted) {
    try {
      await followEvents(client, { onOpen, onChange, signal })
    } catch (error) {
      if (signal.aborted) return
      log.debug('the stream of exits broke', { error })
    }
    // An aborted sleep means that nobody listens any more: the loop's condition ends it.
    await sleep(clock, backoffMs(failures++, reconnect), signal).catch(() => undefined)
  }
}

async function followEvents(
  client: GrpcClient,
  { onOpen, onChange, signal }: { onOpen: () => void; onChange: () => void; signal: AbortSignal },
): Promise<void> {
  const attempt = new AbortController()
  const onMessage = (event: Message<typeof eventEnvelope>): void => {
    if (!isExec(event)) onChange()
  }
  // containerd answers a subscription with nothing until the first event: another call on the same connection shows
  // that it stands.
  const confirm = client.call(cri.version, {}, { deadlineMs: queryDeadlineMs }).then(onOpen)
  try {
    const both = AbortSignal.any([signal, attempt.signal])
    await Promise.all([client.stream(subscribe, { filters }, { signal: both, onMessage }), confirm])
  } finally {
    attempt.abort()
  }
}

/** A shell or a probe that ended inside a container changes nothing about the pod. */
function isExec({ topic, event }: Message<typeof eventEnvelope>): boolean {
  if (topic !== '/tasks/exit' || !event) return false
  const { id, containerId } = decode(taskExit, event.value)
  return id !== '' && id !== containerId
}
