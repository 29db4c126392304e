/** The master's way to its broker: the embedded one, or one of the user's own. */
import type { MasterPresence } from '../contract/wire/fleet.ts'
import { type ProfileName, profiles } from '../contract/wire/fleet.ts'
import { masterServerName } from '../contract/wire/identity.ts'
import { maxPacketBytes } from '../contract/wire/limits.ts'
import type { Topics } from '../contract/wire/topics.ts'
import { connectMqttBus, type MqttBus, waitConnected } from '../kit/bus/mqtt-bus.ts'
import type { TlsOptions } from '../kit/bus/tls-socket.ts'
import type { Clock } from '../kit/clock.ts'
import { CodedError, messageOf } from '../kit/errors.ts'
import type { Part } from '../kit/lifecycle.ts'
import type { Log } from '../kit/log.ts'
import { Loop } from '../kit/loop.ts'
import type { Random } from '../kit/random.ts'
import type { Credentials } from '../kit/x509.ts'
import { type EmbeddedBroker, startEmbeddedBroker } from './broker/embedded-broker.ts'
import type { ListenAddress } from './broker/listener.ts'
import { masterWill } from './fleet/master-presence.ts'
import type { Trust } from './trust/trust.ts'

/** IANA's for MQTT with TLS. */
export const defaultTlsPort = 8883
const upkeepMs = 60 * 60_000
/** How often to say that there is no broker yet. */
const brokerPatienceMs = 10_000

export interface BrokerOptions {
  cluster: string
  listen: ListenAddress[]
  clock: Clock
  log: Log
}

/** Nobody from outside is let in before `open`. Who connects is for `trust` to say; whom it refuses becomes an Event. */
export async function startBroker(
  { cluster, listen, clock, log }: BrokerOptions,
  trust: Trust,
): Promise<EmbeddedBroker> {
  const ca = trust.authority.certificate
  const tlsOf = ({ certificate, key }: Credentials): { cert: string; key: string; ca: string } => ({
    cert: certificate,
    key,
    ca,
  })
  const { serverCertificate, securityEvents, policy } = trust
  const broker = await startEmbeddedBroker({
    ...{ cluster, listen, clock, log, policy, tls: tlsOf(serverCertificate.current), closed: true },
    onEvent: event => {
      if (event.type === 'refused') securityEvents.tell(event)
    },
  })
  serverCertificate.onChange(credentials => broker.setServerCertificate(tlsOf(credentials)))
  return broker
}

export interface ExternalBroker {
  url: string
  tls: () => TlsOptions
}

export interface ConnectionOptions {
  cluster: string
  profile: ProfileName
  topics: Topics
  presence: Omit<MasterPresence, 'online'>
  /** The embedded one, or where another is found and how to be believed there. */
  to: { broker: EmbeddedBroker } | ExternalBroker
  clock: Clock
  random: Random
  log: Log
}

export function connectToBroker({
  cluster,
  profile: name,
  topics,
  presence,
  to,
  clock,
  random,
  log,
}: ConnectionOptions): MqttBus {
  const profile = profiles[name]
  const isEmbedded = 'broker' in to
  return connectMqttBus({
    // Nobody's to know: at a Mosquitto, whoever has a certificate puts out another by its client's id.
    clientId: `${cluster}-master-${random.uuid()}`,
    will: masterWill(topics, presence),
    // In one process there is no wire that could be cut.
    keepaliveSeconds: isEmbedded ? 0 : profile.keepaliveSeconds,
    // A dead link must show before it looks as if all boards were silent: the lease of one that has just beaten, less a beat.
    pingSeconds: (profile.leaseMs - profile.beatMs) / 2000,
    ...{ maxPacketBytes, clock, log },
    ...(isEmbedded ? { url: 'mqtt://embedded', openSocket: () => to.broker.openSocket() } : to),
  })
}

export interface ExternalOptions {
  brokerUrl: string | undefined
  brokerCa?: string | undefined
  brokerFiles?: { directory: string; pidFile?: string | undefined } | undefined
  clock: Clock
  log: Log
}

/**
 * How the master is believed by a broker that is not ours, and it by the master: the certificate `system:master` of the cluster's
 * CA, and a server's certificate of the same CA, or of the one in `brokerCa` (PEM). `parts` keep that so.
 */
export async function openExternal(
  options: ExternalOptions,
  trust: Trust,
): Promise<{ to: ExternalBroker; parts: Part[] }> {
  const { brokerUrl: url = '', brokerCa, brokerFiles, clock, log } = options
  checkUrl(url)
  const own = await trust.openOwnCertificate()
  const believed =
    brokerCa === undefined ? { ca: trust.authority.certificate, servername: masterServerName } : { ca: brokerCa }
  const onError = (error: unknown): void =>
    log.warn("cannot renew the master's certificate", { error: messageOf(error) })
  const upkeep = new Loop({ clock, intervalMs: upkeepMs, run: () => own.refresh(), onError })
  const files = brokerFiles && (await trust.openBrokerFiles({ ...brokerFiles, listen: externalPorts(url) }))
  return {
    to: { url, tls: () => ({ ...believed, cert: own.current.certificate, key: own.current.key }) },
    parts: [
      { name: 'upkeep of our certificate', start: () => upkeep.start(), stop: () => upkeep.stop() },
      ...(files ? [{ name: "the broker's files", start: () => files.start(), stop: () => files.stop() }] : []),
    ],
  }
}

/** Where those with a certificate connect, and where boards do that have none yet: a Mosquitto needs two doors for that. */
export function externalPorts(url: string): { port: number; joinPort: number } {
  const { protocol, port } = URL.canParse(url) ? new URL(url) : { protocol: '', port: '' }
  const own = protocol === 'mqtts:' && port !== '' ? Number(port) : defaultTlsPort
  return { port: own, joinPort: own + 1 }
}

function checkUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol !== 'mqtt:' || isLoopback(parsed.hostname)) return
  const why = 'everything would cross the wire unencrypted; without TLS only a broker on 127.0.0.1 is used'
  throw new CodedError('Invalid', `cannot use the broker ${parsed.host}: because ${why}: give mqtts://${parsed.host}`)
}

/**
 * While there is no broker, silence says nothing about the boards: the time in which they must be heard begins here. Takes as
 * long as it takes; a signal ends the process meanwhile, which the store survives.
 */
export async function untilConnected(bus: MqttBus, { clock, log }: { clock: Clock; log: Log }): Promise<void> {
  while (!bus.connected) {
    await waitConnected(bus, brokerPatienceMs, clock).catch(error => {
      log.warn('the master waits for its broker', { reason: messageOf(error) })
    })
  }
}

/** `localhost` is not: what it stands for is in a file. */
function isLoopback(host: string): boolean {
  return host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
