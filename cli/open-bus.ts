/** Opens the way to a cluster: the first of its servers that answers, by TLS, with what the context has to show. */
import { masterServerName } from '../contract/wire/identity.ts'
import type { Bus } from '../kit/bus/bus.ts'
import type { ConnectionFailure } from '../kit/bus/connection-failure.ts'
import type { MqttBus } from '../kit/bus/mqtt-bus.ts'
import type { TlsOptions } from '../kit/bus/tls-socket.ts'
import { type Clock, systemClock } from '../kit/clock.ts'
import { CodedError } from '../kit/errors.ts'
import { silentLog } from '../kit/log.ts'
import type { ClusterContext } from './config.ts'

/** Opens the bus of a context; tests give one without sockets. */
export type OpenBus = (context: ClusterContext, clientId: string) => Promise<ClientBus>

export interface ClientBus extends Bus {
  /** Told when the broker no longer lets us in, in a connection after the first: who was revoked need not wait for more. */
  onRefused?(handler: (error: CodedError) => void): void
}

/** For each server of a context. */
const connectTimeoutMs = 5000
/** For all of them: one that is not there costs no time as a rule. */
const allTimeoutMs = 12_000
/** A command that waits on a broken connection notices within one and a half of this. */
const keepaliveSeconds = 15

export const openMqttBus: OpenBus = (context, clientId) =>
  open(context, clientId, context.servers.length === 1 ? connectTimeoutMs : allTimeoutMs)

/** For a caller who would rather do without. */
export function openMqttBusWithin(limitMs: number): OpenBus {
  return (context, clientId) => open(context, clientId, limitMs)
}

async function open(context: ClusterContext, clientId: string, limitMs: number): Promise<ClientBus> {
  const { connectMqttBus } = await import('../kit/bus/mqtt-bus.ts')
  const { servers } = context
  const timing = { keepaliveSeconds, connectTimeoutMs: Math.min(connectTimeoutMs, limitMs) }
  const bus = connectMqttBus({ url: servers, clientId, log: silentLog, ...timing, ...credentialsOf(context) })
  try {
    await untilOpen(bus, limitMs, systemClock)
    return Object.assign(bus, {
      onRefused: (handler: (error: CodedError) => void) => {
        bus.onFailure(failure => {
          if (failure.kind === 'refused') handler(new NotOpen(failure, bus).explain(context))
        })
      },
    })
  } catch (error) {
    await bus.close()
    throw error instanceof NotOpen ? error.explain(context) : error
  }
}

class NotOpen extends Error {
  readonly failure: ConnectionFailure
  readonly server: string
  readonly address: string

  constructor(failure: ConnectionFailure, { url, address }: MqttBus) {
    super(failure.reason)
    this.failure = failure
    this.server = url
    this.address = address
  }

  explain(context: ClusterContext): CodedError {
    const { kind, reason } = this.failure
    const what = {
      ended: `cannot reach the broker at ${this.address}`,
      refused: `cannot log in as ${context.username} at ${this.address}`,
      untrusted: `cannot trust the broker at ${this.address}`,
      taken: `cannot log in at ${this.address}`,
    }[kind]
    const message = `${what}: because ${reason}: ${hintAbout({ ...context, server: this.server }, this.failure)}`
    // Only a refusal is the master's own word.
    return new CodedError(kind === 'refused' ? 'Unauthorized' : 'ServiceUnavailable', message, { cause: this })
  }
}

/** Who is told no by one of a cluster's servers need not ask the others. */
async function untilOpen(bus: MqttBus, timeoutMs: number, clock: Clock): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const seen: { last: ConnectionFailure } = { last: { kind: 'ended', reason: `no answer in ${timeoutMs} ms` } }
  const undo = [
    bus.onConnect(resolve),
    bus.onFailure(failure => {
      seen.last = failure
      if (failure.kind !== 'ended') reject(new NotOpen(failure, bus))
    }),
    clock.after(timeoutMs, () => reject(new NotOpen(seen.last, bus))),
  ]
  try {
    await promise
  } finally {
    for (const undoOne of undo) undoOne()
  }
}

/** A token is shown as the password of the user `token`. */
function credentialsOf({ ca, certificate, key, token }: ClusterContext): {
  tls: TlsOptions
  username?: string
  password?: string
} {
  const own = token === undefined && certificate && key ? { cert: certificate, key } : {}
  const tls = { servername: masterServerName, ...(ca && { ca }), ...own }
  return { tls, ...(token !== undefined && { username: 'token', password: token }) }
}

type Asker = Pick<ClusterContext, 'name' | 'username' | 'token'> & { server: string }

/** What to do about it. */
export function hintAbout({ name, server, username, token }: Asker, { kind, reason }: ConnectionFailure): string {
  if (kind === 'refused') {
    const what = token === undefined ? 'certificate' : 'token'
    const way = token === undefined ? `flotilla user create ${username}` : `flotilla user token ${username}`
    return `its ${what} has run out or was revoked, or is of another cluster; an admin makes a new one: ${way} (context ${name})`
  }
  if (kind === 'untrusted')
    return `who answers there is not the master that context ${name} knows: another cluster, or somebody in between`
  if (!/^mqtts?\+unix:/.test(server))
    return `is the master running there, and is the port open? (context ${name}; try --server)`
  return /\b(EACCES|EPERM)\b/.test(reason)
    ? `this socket is not open to you: run as the user whom it belongs to, or take another of the master's addresses (context ${name})`
    : `is the master running on this board? (context ${name}; try --server)`
}
