/** One conversation on the join topics, from the connection to its end: for boards that have no valid certificate. */
import { type JoinReply, type JoinRequest, maxJoinBytes } from '../../contract/wire/join.ts'
import { topicsOf } from '../../contract/wire/topics.ts'
import { asRecord } from '../../kit/bus/bad-messages.ts'
import type { ConnectionFailure } from '../../kit/bus/connection-failure.ts'
import { connectMqttBus, type MqttBus } from '../../kit/bus/mqtt-bus.ts'
import { Requester } from '../../kit/bus/request.ts'
import type { TlsOptions } from '../../kit/bus/tls-socket.ts'
import type { Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import { silentLog } from '../../kit/log.ts'
import type { Random } from '../../kit/random.ts'
import { checkServers } from './identity-files.ts'

export interface JoinDoor {
  cluster: string
  /** URL of a broker. */
  server: string
  /** Without a certificate of ours: whoever shows none may only join. */
  tls: TlsOptions
  clock: Clock
  random: Random
}

/** What answered is not the master that it should be; it was told nothing. */
export class UntrustedMaster extends CodedError {
  constructor(address: string, reason: string) {
    super('Unauthorized', `cannot trust ${address}: because ${reason}`)
  }
}

export type Ask = (request: JoinRequest) => Promise<JoinReply>

export type CertificateReply = Extract<JoinReply, { certificate: string }>

const connectTimeoutMs = 8000
/** The master makes a certificate, and writes it down before it answers. */
const answerTimeoutMs = 20_000
const keepaliveSeconds = 15

/**
 * Rejects with `UntrustedMaster`, with `ServiceUnavailable` or `Timeout` when nobody is there, and with what the master answers.
 */
export async function atJoinDoor<T>(door: JoinDoor, talk: (ask: Ask) => Promise<T>): Promise<T> {
  const { cluster, server, tls, clock, random } = door
  const clientId = `join-${random.suffix(16)}`
  const topics = topicsOf(cluster)
  const timing = { keepaliveSeconds, connectTimeoutMs }
  const bus = connectMqttBus({ url: server, clientId, tls, clock, log: silentLog, ...timing })
  const requester = new Requester({ bus, repliesTopic: topics.joinReplies(clientId), clock, random, maxPending: 1 })
  try {
    await untilOpen(bus)
    await requester.start()
    return await talk(async request => {
      const reply = await requester.request(topics.joinRequests(clientId), request, { timeoutMs: answerTimeoutMs })
      return asRecord(reply) as JoinReply
    })
  } finally {
    await requester.stop()
    await bus.close()
  }
}

/** Checks the shape alone. Throws `InternalError`. */
export function readCertificateReply(reply: JoinReply): CertificateReply {
  const { certificate, ca, servers, time } = reply as Partial<CertificateReply>
  const texts = [certificate, ca, time]
  const isShaped = texts.every(text => typeof text === 'string' && text.length <= maxJoinBytes)
  const checked = checkServers(servers)
  if (!isShaped || checked.length === 0 || Number.isNaN(Date.parse(time as string))) {
    throw new CodedError(
      'InternalError',
      'cannot read the answer of the master: because it is no certificate with its servers',
    )
  }
  return { certificate: certificate as string, ca: ca as string, servers: checked, time: time as string }
}

/** One attempt, which ends by itself after `connectTimeoutMs`: whoever asks decides whether there is another. */
async function untilOpen(bus: MqttBus): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const undo = [bus.onConnect(resolve), bus.onFailure(failure => reject(explain(failure, bus.address)))]
  try {
    await promise
  } finally {
    for (const stop of undo) stop()
  }
}

function explain({ kind, reason }: ConnectionFailure, address: string): CodedError {
  if (kind === 'untrusted') return new UntrustedMaster(address, reason)
  const code = kind === 'refused' ? 'Forbidden' : 'ServiceUnavailable'
  return new CodedError(code, `cannot reach the master at ${address}: because ${reason}`)
}
