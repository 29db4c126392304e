/** From a command's options to an open session with the API of the cluster that is meant. */
import { topicsOf } from '../contract/wire/topics.ts'
import type { Bus, Will } from '../kit/bus/bus.ts'
import { Requester } from '../kit/bus/request.ts'
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
export type OpenBus = (context: ClusterContext, options: { clientId: string; will: Will }) => Promise<Bus>

const connectTimeoutMs = 5000
/** A command that waits on a broken connection notices within one and a half of this. */
const keepaliveSeconds = 15

export async function connect(input: Input, terminal: Terminal, openBus: OpenBus = openMqttBus): Promise<Session> {
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
  // Whoever streams to us learns by this that nobody reads any more.
  const will = { topic: topics.clientPresence(clientId), payload: JSON.stringify({ online: false }) }
  const bus = await openBus(context, { clientId, will })
  const requester = new Requester({ bus, repliesTopic: topics.clientReplies(clientId), clock, random })
  await requester.start()
  return {
    api: new ApiClient({ bus, requester, topics, clock, random }),
    namespace: context.namespace,
    context,
    async close() {
      await requester.stop()
      await bus.close()
    },
  }
}

/** Opens a session, runs `work`, closes the session whatever happens. */
export async function withSession<T>(
  input: Input,
  fleet: { terminal: Terminal; openBus?: OpenBus | undefined },
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await connect(input, fleet.terminal, fleet.openBus)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

const openMqttBus: OpenBus = async (context, { clientId, will }) => {
  const { connectMqttBus, waitConnected } = await import('../kit/bus/mqtt-bus.ts')
  const bus = connectMqttBus({ url: context.server, clientId, will, keepaliveSeconds, log: silentLog })
  try {
    await waitConnected(bus, connectTimeoutMs)
    return bus
  } catch (error) {
    await bus.close()
    const hint = `is the master running there, and is the port open? (context ${context.name}; try --server)`
    throw new CodedError('ServiceUnavailable', `${messageOf(error)}: ${hint}`, { cause: error })
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
