/** From a command's options to an open session with the API of the cluster that is meant. */
import { once } from 'node:events'
import { topicsOf } from '../contract/wire/topics.ts'
import type { Bus } from '../kit/bus/bus.ts'
import { Requester } from '../kit/bus/request.ts'
import { type Clock, sleep } from '../kit/clock.ts'
import type { Input } from '../kit/command-line.ts'
import { CodedError, messageOf } from '../kit/errors.ts'
import { silentLog } from '../kit/log.ts'
import { ApiClient } from './api-client.ts'
import { type ClusterContext, findContext } from './config.ts'
import type { Terminal } from './terminal.ts'

export interface Session {
  api: ApiClient
  /** Of the flag `-n`, or of the context. */
  namespace: string
  context: ClusterContext
  close(): Promise<void>
}

/** Opens the bus of a context; tests give one without sockets. */
export type OpenBus = (context: ClusterContext, clientId: string) => Promise<Bus>

const connectTimeoutMs = 5000
/** A command that waits on a broken connection notices within one and a half of this. */
const keepaliveSeconds = 15
/** A goodbye that takes longer is not waited for: silence says the same, later. */
const goodbyeMs = 1000

async function connect(input: Input, terminal: Terminal, openBus: OpenBus = openMqttBus): Promise<Session> {
  const { env, homeDirectory, clock, random } = terminal
  const flag = (name: string): string | undefined => textOf(input.options[name])
  const flags = {
    config: flag('config'),
    context: flag('context'),
    server: flag('server'),
    namespace: flag('namespace'),
  }
  const context = await findContext({ ...flags, env, homeDirectory })
  const topics = topicsOf(context.cluster)
  const clientId = `cli-${random.suffix(12)}`
  const bus = await openBus(context, clientId)
  const requester = new Requester({ bus, repliesTopic: topics.clientReplies(clientId), clock, random })
  await requester.start()
  const api = new ApiClient({ bus, requester, topics, clock, random })
  return {
    api,
    namespace: context.namespace,
    context,
    async close() {
      await within(goodbyeMs, clock, api.endStreams())
      await requester.stop()
      await bus.close()
    },
  }
}

/**
 * Opens a session, runs `work`, closes the session whatever happens: also when the terminal hangs up, which ends all that
 * `work` may wait for on the wire.
 */
export async function withSession<T>(
  input: Input,
  fleet: { terminal: Terminal; openBus?: OpenBus | undefined },
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { terminal } = fleet
  const session = await connect(input, terminal, fleet.openBus)
  const release = terminal.catchSignals()
  const over = new AbortController()
  try {
    return await Promise.race([work(session), closeAtHangUp(session, terminal, over.signal)])
  } finally {
    over.abort()
    await session.close()
    release()
  }
}

/** Rejects when the work has not ended soon after the session: it may wait for a pipe that nobody empties. */
async function closeAtHangUp(session: Session, { hungUp, clock }: Terminal, over: AbortSignal): Promise<never> {
  if (!hungUp.aborted) await once(hungUp, 'abort', { signal: over })
  await session.close()
  await sleep(clock, goodbyeMs, over)
  throw new CodedError('ServiceUnavailable', 'cannot go on: because the terminal has hung up')
}

/** Waits for `done`, but no longer than this. */
async function within(limitMs: number, clock: Clock, done: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const cancel = clock.after(limitMs, resolve)
  await Promise.race([done, late]).finally(cancel)
}

const openMqttBus: OpenBus = async (context, clientId) => {
  const { connectMqttBus, waitConnected } = await import('../kit/bus/mqtt-bus.ts')
  const bus = connectMqttBus({ url: context.server, clientId, keepaliveSeconds, log: silentLog })
  try {
    await waitConnected(bus, connectTimeoutMs)
    return bus
  } catch (error) {
    await bus.close()
    const message = `${messageOf(error)}: ${hintAbout(context, messageOf(error))}`
    throw new CodedError('ServiceUnavailable', message, { cause: error })
  }
}

export function hintAbout({ name, server }: Pick<ClusterContext, 'name' | 'server'>, reason: string): string {
  if (!server.startsWith('mqtt+unix:'))
    return `is the master running there, and is the port open? (context ${name}; try --server)`
  // Whoever may speak to the socket is the master: it belongs to whom the master runs as.
  return /\b(EACCES|EPERM)\b/.test(reason)
    ? `this socket is not yours: run as root, such as with sudo (context ${name})`
    : `is the master running on this board? (context ${name}; try --server)`
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
