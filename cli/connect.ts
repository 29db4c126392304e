/** From a command's options to an open session with the API of the cluster that is meant. */
import { once } from 'node:events'
import { topicsOf } from '../contract/wire/topics.ts'
import { Requester } from '../kit/bus/request.ts'
import { type Clock, sleep } from '../kit/clock.ts'
import type { Input } from '../kit/command-line.ts'
import { CodedError, hasCode } from '../kit/errors.ts'
import { ApiClient } from './api-client.ts'
import { type ClusterContext, findContext } from './config.ts'
import { checkCertificate } from './credentials.ts'
import { type OpenBus, openMqttBus } from './open-bus.ts'
import { renewCertificate } from './renew-certificate.ts'
import type { Terminal } from './terminal.ts'

export interface Session {
  api: ApiClient
  /** Of the flag `-n`, or of the context. */
  namespace: string
  context: ClusterContext
  /** Told when the master no longer lets us in. */
  onRefused(handler: (error: Error) => void): void
  close(): Promise<void>
}

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
  const { username, cluster } = context
  checkCertificate(context, clock.now())
  const topics = topicsOf(cluster)
  const bus = await openBus(context, `cli-${random.suffix(12)}`)
  const repliesTopic = topics.clientReplies({ username, client: bus.clientId })
  const requester = new Requester({ bus, repliesTopic, clock, random })
  try {
    await requester.start()
  } catch (error) {
    await bus.close()
    if (!hasCode(error, 'Forbidden')) throw error
    const why = `context ${context.name} says username ${username}, and its certificate or token is somebody else's`
    throw new CodedError('Unauthorized', `cannot ask as ${username}: because ${why}: mend ${context.path ?? 'it'}`, {
      cause: error,
    })
  }
  const api = new ApiClient({ bus, requester, topics, username, clock, random })
  const renewal = renewCertificate({ api, context, clock, warn: terminal.warn })
  return {
    api,
    namespace: context.namespace,
    context,
    onRefused(handler) {
      bus.onRefused?.(error => {
        api.shutOut(error)
        handler(error)
      })
    },
    async close() {
      await within(goodbyeMs, clock, Promise.all([api.endStreams(), renewal]))
      await requester.stop()
      await bus.close()
    },
  }
}

/**
 * Opens a session, runs `work`, closes the session whatever happens: also when the terminal hangs up, which ends all that
 * `work` may wait for on the wire, and when we are shut out meanwhile.
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
  const { promise: shutOut, reject } = Promise.withResolvers<never>()
  session.onRefused(reject)
  try {
    return await Promise.race([work(session), closeAtHangUp(session, terminal, over.signal), shutOut])
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

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
