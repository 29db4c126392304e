/** The master, wired: the only file that knows every room of this island. */
import { join } from 'node:path'
import { version } from '../contract/version.ts'
import { profiles, sessionOf } from '../contract/wire/fleet.ts'
import { usernameOf } from '../contract/wire/identity.ts'
import { topicsOf } from '../contract/wire/topics.ts'
import { BadMessages } from '../kit/bus/bad-messages.ts'
import { Requester } from '../kit/bus/request.ts'
import type { Clock } from '../kit/clock.ts'
import { messageOf } from '../kit/errors.ts'
import { Lifecycle, type Part } from '../kit/lifecycle.ts'
import type { Log } from '../kit/log.ts'
import { Loop } from '../kit/loop.ts'
import { announcePart } from './announce.ts'
import { createApi } from './api/api.ts'
import { MqttDoor } from './api/mqtt-door.ts'
import type { TrustPort } from './api/room.ts'
import type { AuditLevel } from './audit/audit-entry.ts'
import { AuditLog } from './audit/audit-log.ts'
import type { EmbeddedBroker } from './broker/embedded-broker.ts'
import { connectToBroker, openExternal, startBroker, untilConnected } from './broker-connection.ts'
import { Controllers } from './controllers/controllers.ts'
import { Intake, type Twins } from './fleet/intake.ts'
import { MasterPresenceSpeaker } from './fleet/master-presence.ts'
import { Publisher } from './fleet/publisher.ts'
import { type Foundation, type FoundationOptions, furnish, openStore, trustOptions } from './foundation.ts'
import type { EventRecorder } from './store/event-recorder.ts'
import { NodeUsageBoard } from './store/node-usage.ts'
import { Recheck } from './trust/recheck.ts'
import { openTrust, type Trust } from './trust/trust.ts'

export interface MasterOptions extends FoundationOptions {
  /** Where a Mosquitto finds its files, kept fresh; and the file that names its process. */
  brokerFiles?: { directory: string; pidFile?: string | undefined } | undefined
  /** PEM: the CA that its certificate is from, when that is not the cluster's. */
  brokerCa?: string | undefined
  /** What the audit log keeps. Default `changes`. */
  audit?: AuditLevel
  /** Whether the LAN is told where this master is. Default yes, with the embedded broker. */
  mdns?: boolean
  /** Addresses of pods, and of services. */
  clusterCIDR: string
  serviceCIDR: string
}

export interface Master {
  /** Resolves when the master can no longer keep what it is told (the disk failed a write): stop it and start anew. */
  failed: Promise<unknown>
  stop(): Promise<void>
}

const eventSweepMs = 5 * 60_000

/** Resolves when the API answers. */
export async function startMaster(options: MasterOptions): Promise<Master> {
  const { log } = options
  const lifecycle = new Lifecycle(log)
  const { promise: failed, resolve: onFailure } = Promise.withResolvers<unknown>()
  const store = await openStore(options, onFailure)
  try {
    await lifecycle.start([{ name: 'store', start: () => undefined, stop: () => store.close() }])
    const rooms = furnish(options, store)
    const trust = await openTrust(trustOptions(options, rooms))
    const broker = options.brokerUrl === undefined ? await startBroker(options, trust) : undefined
    await lifecycle.start([{ name: 'broker', start: () => undefined, stop: () => broker?.close() }])
    await lifecycle.start(await wire(options, { ...rooms, trust, broker }))
    await lifecycle.start(await announced(options, { ...rooms, trust, broker }))
  } catch (error) {
    await lifecycle.stop()
    throw error
  }
  log.info('the master is up', { cluster: options.cluster, version, epoch: store.epoch, revision: store.revision })
  return { failed, stop: () => lifecycle.stop() }
}

interface Rooms extends Foundation {
  trust: Trust
  /** Undefined: the user has one of his own. */
  broker: EmbeddedBroker | undefined
}

/** What the parts know of each other goes through the store; the rest is told here. */
async function wire(options: MasterOptions, rooms: Rooms): Promise<Part[]> {
  const { clock, random, log, cluster } = options
  const { store, objects, cache, events, leases, sessions, trust, broker } = rooms
  const topics = topicsOf(cluster)
  const presence = { epoch: store.epoch, instance: random.uuid(), version }
  const { to, parts } = broker ? { to: { broker }, parts: [] } : await openExternal(options, trust)
  const bus = connectToBroker({ cluster, profile: options.profile, topics, presence, to, clock, random, log })
  const badMessages = new BadMessages(log)
  const requester = new Requester({ bus, repliesTopic: topics.nodeReplies('+'), clock, random, badMessages })
  const usage = new NodeUsageBoard()
  const profile = profiles[options.profile]
  const { clusterCIDR, serviceCIDR } = options
  const intake = new Intake({
    bus,
    topics,
    requester,
    objects,
    cache,
    events,
    usage,
    leases,
    sessions,
    twins: twinsAt(broker),
    profile,
    clock,
    log,
    badMessages,
  })
  const publisher = new Publisher({
    bus,
    topics,
    cache,
    clock,
    log,
    epoch: store.epoch,
    cluster: { clusterCIDR, serviceCIDR, profile: options.profile },
    brokerRemembers: broker === undefined,
  })
  const controllers = new Controllers({
    store,
    objects,
    cache,
    clock,
    random,
    log,
    events,
    usage,
    clusterCIDR,
    health: leases,
    startGraceMs: profile.masterGraceMs,
  })
  const port: TrustPort = { ...trust.verbs, rotateSecretsKey: () => store.rotateSecretsKey() }
  const fixed = { cluster, version, serviceCIDR }
  const { audit: level = 'changes' } = options
  const audit = new AuditLog({ directory: join(options.dataDirectory, 'audit'), level, clock, log })
  const api = createApi({
    ...{ objects, store, cache, nodeUsage: usage, trust: port, audit, clock, random, ...fixed },
    counters: () => countersOf(broker, badMessages),
  })
  const speaker = new MasterPresenceSpeaker({ bus, topics, presence, clock })
  return [
    part('cache', cache),
    part('audit log', audit),
    // A Mosquitto that waits for its files may start now.
    ...parts,
    { name: 'bus', start: () => undefined, stop: () => bus.close() },
    { name: 'connection', start: () => untilConnected(bus, { clock, log }), stop: () => undefined },
    { name: 'requests to nodes', start: () => requester.start(), stop: () => requester.stop() },
    // Before anybody is asked for reports, there must be one who takes them in.
    part('intake', intake),
    { name: 'leases', start: () => undefined, stop: () => leases.stop() },
    part('controllers', controllers),
    part('publisher', publisher),
    part('API', new MqttDoor({ api, bus, topics, requester, clock, random, log, badMessages })),
    part('joining', trust.joinService(bus, topics)),
    part("the server's certificate", trust.serverCertificate),
    part('upkeep of certificates', trust.upkeep),
    part('revocation', new Recheck({ cache, clock, recheck: () => broker?.recheck() })),
    part('presence', speaker),
    part('events', sweepPart(events, { clock, log })),
    // Last: whoever comes now is answered.
    { name: 'listeners', start: () => broker?.open(), stop: () => undefined },
  ]
}

/** A broker that is not ours may be anywhere: who runs it says where. */
async function announced({ mdns = true, listen, cluster, clock, log }: MasterOptions, rooms: Rooms): Promise<Part[]> {
  if (!mdns || !rooms.broker) return []
  const caFingerprint = rooms.trust.authority.facts.fingerprint
  return announcePart({ cluster, caFingerprint, listen, clock, log })
}

/** A broker that is not ours lets both in; there the second is only not believed. */
function twinsAt(broker: EmbeddedBroker | undefined): Twins {
  return {
    putOut: () => broker?.recheck(),
    addressOf(node, session) {
      const clients = broker?.clientsOf(usernameOf({ kind: 'node', name: node })) ?? []
      return clients.find(({ clientId = '' }) => sessionOf(clientId) === session)?.address
    },
  }
}

/** Flat, by name: for people, and for whoever makes curves of them. */
function countersOf(broker: EmbeddedBroker | undefined, badMessages: BadMessages): Record<string, number> {
  const { refused = {}, ...others } = broker?.counters() ?? {}
  const named = (prefix: string, counts: object): Array<[string, number]> =>
    Object.entries(counts).map(([name, count]) => [`${prefix}.${name}`, count as number])
  return Object.fromEntries([
    ...named('broker', others),
    ...named('broker.refused', refused),
    ...named('messages.bad', badMessages.counts()),
  ])
}

function part(name: string, of: { start(): unknown; stop(): unknown }): Part {
  return {
    name,
    start: async () => {
      await of.start()
    },
    stop: async () => {
      await of.stop()
    },
  }
}

function sweepPart(events: EventRecorder, { clock, log }: { clock: Clock; log: Log }): Loop {
  const onError = (error: unknown): void => log.warn('cannot sweep events', { error: messageOf(error) })
  return new Loop({ clock, intervalMs: eventSweepMs, run: () => events.sweep(), onError })
}
