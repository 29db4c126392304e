/** The master, wired: the only file that knows every room of this island. */
import { version } from '../contract/version.ts'
import { type MasterPresence, type ProfileName, profiles } from '../contract/wire/fleet.ts'
import { maxPacketBytes } from '../contract/wire/limits.ts'
import { type Topics, topicsOf } from '../contract/wire/topics.ts'
import { BadMessages } from '../kit/bus/bad-messages.ts'
import { connectMqttBus, type MqttBus, waitConnected } from '../kit/bus/mqtt-bus.ts'
import { Requester } from '../kit/bus/request.ts'
import type { Clock } from '../kit/clock.ts'
import { makeDirectory } from '../kit/directory.ts'
import { CodedError, messageOf } from '../kit/errors.ts'
import { Lifecycle, type Part } from '../kit/lifecycle.ts'
import type { Log } from '../kit/log.ts'
import { Loop } from '../kit/loop.ts'
import type { Random } from '../kit/random.ts'
import { createApi } from './api/api.ts'
import { MqttDoor } from './api/mqtt-door.ts'
import type { TrustPort } from './api/room.ts'
import { type EmbeddedBroker, startEmbeddedBroker } from './broker/embedded-broker.ts'
import type { ListenAddress } from './broker/listener.ts'
import type { Policy } from './broker/policy.ts'
import { Controllers } from './controllers/controllers.ts'
import { Intake } from './fleet/intake.ts'
import { Leases } from './fleet/leases.ts'
import { MasterPresenceSpeaker, masterWill } from './fleet/master-presence.ts'
import { Publisher } from './fleet/publisher.ts'
import { Cache } from './store/cache.ts'
import { EventRecorder } from './store/event-recorder.ts'
import { openLevelStore } from './store/level-store.ts'
import { NodeUsageBoard } from './store/node-usage.ts'
import { Objects } from './store/objects.ts'
import type { Store } from './store/store.ts'

export interface MasterOptions {
  cluster: string
  dataDirectory: string
  /** Where the embedded broker listens; ignored with `brokerUrl`. */
  listen: ListenAddress[]
  /** A broker of the user's own, instead of the embedded one. */
  brokerUrl: string | undefined
  profile: ProfileName
  /** Addresses of pods, and of services. */
  clusterCIDR: string
  serviceCIDR: string
  clock: Clock
  random: Random
  log: Log
}

export interface Master {
  /** Resolves when the master can no longer keep what it is told (the disk failed a write): stop it and start anew. */
  failed: Promise<unknown>
  stop(): Promise<void>
}

const eventSweepMs = 5 * 60_000
/** How often to say that there is no broker yet. */
const brokerPatienceMs = 10_000

/** Resolves when the API answers. */
export async function startMaster(options: MasterOptions): Promise<Master> {
  const { log, clock, dataDirectory } = options
  const lifecycle = new Lifecycle(log)
  await makeDirectory(dataDirectory)
  const { promise: failed, resolve: onFailure } = Promise.withResolvers<unknown>()
  const store = await openLevelStore({ directory: `${dataDirectory}/store`, clock, log, onFailure })
  try {
    await lifecycle.start([{ name: 'store', start: () => undefined, stop: () => store.close() }])
    const broker = options.brokerUrl === undefined ? await startBroker(options) : undefined
    await lifecycle.start([{ name: 'broker', start: () => undefined, stop: () => broker?.close() }])
    await lifecycle.start(wire(options, store, broker))
  } catch (error) {
    await lifecycle.stop()
    throw error
  }
  log.info('the master is up', { cluster: options.cluster, version, epoch: store.epoch, revision: store.revision })
  return { failed, stop: () => lifecycle.stop() }
}

/** What the parts know of each other goes through the store; the rest is told here. */
function wire(options: MasterOptions, store: Store, broker: EmbeddedBroker | undefined): Part[] {
  const { clock, random, log, cluster } = options
  const topics = topicsOf(cluster)
  const presence = { epoch: store.epoch, instance: random.uuid(), version }
  const bus = connect({ options, topics, presence, broker })
  const badMessages = new BadMessages(log)
  const requester = new Requester({ bus, repliesTopic: topics.nodeReplies('+'), clock, random, log })
  const objects = new Objects({ store, clock, random })
  const cache = new Cache({ store, log, clock })
  const events = new EventRecorder({ objects, clock, log })
  const usage = new NodeUsageBoard()
  const profile = profiles[options.profile]
  const leases = new Leases({ clock, profile })
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
    startGraceMs: profile.restartGraceMs,
  })
  const fixed = { cluster, version, serviceCIDR }
  const api = createApi({ objects, store, cache, nodeUsage: usage, trust: noTrust, clock, random, ...fixed })
  const speaker = new MasterPresenceSpeaker({ bus, topics, presence })
  return [
    part('cache', cache),
    { name: 'bus', start: () => undefined, stop: () => bus.close() },
    { name: 'connection', start: () => untilConnected(bus, options), stop: () => undefined },
    { name: 'requests to nodes', start: () => requester.start(), stop: () => requester.stop() },
    // Before anybody is asked for reports, there must be one who takes them in.
    part('intake', intake),
    { name: 'leases', start: () => undefined, stop: () => leases.stop() },
    part('controllers', controllers),
    part('publisher', publisher),
    part('API', new MqttDoor({ api, bus, topics, requester, clock, random, log, badMessages })),
    part('presence', speaker),
    part('events', sweepPart(events, { clock, log })),
  ]
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

/**
 * While there is no broker, silence says nothing about the boards: the time in which they must be heard begins here. Takes as
 * long as it takes; a signal ends the process meanwhile, which the store survives.
 */
async function untilConnected(bus: MqttBus, { clock, log }: MasterOptions): Promise<void> {
  while (!bus.connected) {
    await waitConnected(bus, brokerPatienceMs, clock).catch(error => {
      log.warn('the master waits for its broker', { reason: messageOf(error) })
    })
  }
}

function sweepPart(events: EventRecorder, { clock, log }: { clock: Clock; log: Log }): Loop {
  const onError = (error: unknown): void => log.warn('cannot sweep events', { error: messageOf(error) })
  return new Loop({ clock, intervalMs: eventSweepMs, run: () => events.sweep(), onError })
}

/** Until the room of trust is wired. */
const noTrust: TrustPort = {
  certify: () => Promise.reject(new CodedError('ServiceUnavailable', 'cannot sign: because there is no CA')),
  mint: () => Promise.reject(new CodedError('ServiceUnavailable', 'cannot make a token: because there is no key')),
  invitation: () => {
    throw new CodedError('ServiceUnavailable', 'cannot invite: because there is no CA')
  },
  rotateSecretsKey: () =>
    Promise.reject(new CodedError('ServiceUnavailable', 'cannot rotate: because there is no key')),
}

/** Until the room of trust is wired. */
const admitAll: Policy = {
  admit: async () => ({ identity: { kind: 'master' }, stillWelcome: () => undefined }),
}

function startBroker({ listen, log }: MasterOptions): Promise<EmbeddedBroker> {
  return startEmbeddedBroker({ listen, log, policy: admitAll, limits: { maxPacketBytes } })
}

interface Connection {
  options: MasterOptions
  topics: Topics
  presence: Omit<MasterPresence, 'online'>
  broker: EmbeddedBroker | undefined
}

function connect({ options, topics, presence, broker }: Connection): MqttBus {
  const { brokerUrl, cluster, clock, log } = options
  const profile = profiles[options.profile]
  return connectMqttBus({
    url: brokerUrl ?? 'mqtt://embedded',
    clientId: `${cluster}-master-${presence.instance.slice(0, 8)}`,
    will: masterWill(topics, presence),
    // In one process there is no wire that could be cut.
    keepaliveSeconds: broker ? 0 : profile.keepaliveSeconds,
    // A dead link must show before it looks as if all boards were silent: the lease of one that has just beaten, less a beat.
    pingSeconds: (profile.leaseMs - profile.beatMs) / 2000,
    maxPacketBytes,
    clock,
    log,
    ...(broker ? { openSocket: () => broker.openSocket() } : {}),
  })
}
