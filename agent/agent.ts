/** The agent, wired: the only file that knows every room of this island. */
import type { ResourceList } from '../contract/resources/meta.ts'
import { version } from '../contract/version.ts'
import { type ProfileName, profiles, type ReportedEvent } from '../contract/wire/fleet.ts'
import { BadMessages } from '../kit/bus/bad-messages.ts'
import type { MqttBus } from '../kit/bus/mqtt-bus.ts'
import { type Clock, timestamp } from '../kit/clock.ts'
import { makeDirectory } from '../kit/directory.ts'
import { Lifecycle, type Part } from '../kit/lifecycle.ts'
import type { Log } from '../kit/log.ts'
import type { Random } from '../kit/random.ts'
import type { BoardWish, NetworkTable } from './desired/desired.ts'
import { Inbox } from './desired/inbox.ts'
import type { AgentIdentity } from './identity/identity.ts'
import { linkToMaster } from './identity/link.ts'
import { createNftProxy } from './network/nft-proxy.ts'
import { createPodNetwork } from './network/pod-network.ts'
import type { Executor } from './reconcile/executor.ts'
import { NetworkSync } from './reconcile/network-sync.ts'
import { Reconciler } from './reconcile/reconciler.ts'
import { connectContainerd } from './runtime/containerd-runtime.ts'
import type { Runtime } from './runtime/runtime.ts'
import { NodeRequests } from './sessions/node-requests.ts'
import { findOwnAddress } from './telemetry/address.ts'
import { readInventory } from './telemetry/inventory.ts'
import { NodePresenceSpeaker } from './telemetry/node-presence.ts'
import { NodeTelemetry } from './telemetry/node-telemetry.ts'
import { Reporter } from './telemetry/reporter.ts'
import { Sensors } from './telemetry/sensors.ts'
import { isSystemStopping } from './telemetry/shutdown.ts'
import type { TokenWant } from './volumes/service-account-tokens.ts'
import { type WiredVolumes, wireVolumes } from './wire-volumes.ts'

export interface AgentOptions {
  identity: AgentIdentity
  dataDirectory: string
  containerdSocket: string
  cniConfDir: string
  cgroupParent: string
  profile: ProfileName
  /** What pods may ask for, where it is less than the board has. */
  offered: ResourceList
  clock: Clock
  random: Random
  log: Log
}

export interface Agent {
  stop(): Promise<void>
}

/** Starts the agent and returns; it connects in the background and works with the master away. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  await makeDirectory(options.dataDirectory)
  const agent = await wire(options)
  const lifecycle = new Lifecycle(options.log)
  await lifecycle.start(agent)
  return { stop: () => lifecycle.stop() }
}

/** What the parts know of each other goes through here: plain functions, no part holds another. */
async function wire(options: AgentOptions): Promise<Part[]> {
  const { clock, random, log, identity, containerdSocket } = options
  const { nodeName, cluster } = identity
  const badMessages = new BadMessages(log)
  const { keepaliveSeconds } = profiles[options.profile]
  const link = linkToMaster({ identity, keepaliveSeconds, clock, random, log })
  const { bus, topics, session } = link
  const runtime = connectContainerd({ socketPath: containerdSocket, clock, log, cluster })
  const reporter = new Reporter({ bus, topic: topics.nodeReport(nodeName), session, clock, log })
  const board: Board = { wish: undefined, network: undefined }
  const address = addressOf(bus)

  const podFiles = `${options.dataDirectory}/pods`
  const wired = wireVolumes({
    ...{ identity, bus, api: link.api, podFiles, clock, random, log },
    wish: () => board.wish,
    onToken: uid => reconciler.look(uid),
    onMissingToken: (want, reason) => reporter.addEvent(tokenMissing(want, reason, clock)),
  })
  const executor = buildExecutor(options, { runtime, reporter, board, podFiles, wired, hostIP: address.last })
  const reconciler = new Reconciler({
    executor,
    clock,
    log,
    hostIP: address.last,
    onReport: (uid, report) => reporter.setPod(uid, report),
  })
  const networkSync = new NetworkSync({
    podNetwork: createPodNetwork({ paths: { cniConfDir: options.cniConfDir }, clock, log }),
    serviceProxy: createNftProxy({ clock, log }),
    clock,
    log,
    onReady: () => {
      reconciler.retryFailed()
      telemetry.recheck()
    },
  })
  const inbox = new Inbox({
    ...{ bus, topics, nodeName, directory: options.dataDirectory, clock, log, badMessages },
    onWish: wish => {
      board.wish = wish
      networkSync.setNode(wish.node)
      reconciler.setWish(wish.pods)
      reporter.keepPods(uid => wish.pods.has(uid))
      reporter.setWish({ epoch: wish.epoch, generation: wish.generation })
    },
    onNetwork: network => {
      board.network = network
      networkSync.setTable(network)
    },
  })
  const telemetry = new NodeTelemetry({
    bus,
    beatTopic: topics.nodeBeat(nodeName),
    session,
    reporter,
    runtime,
    inventory: await readInventory(),
    sensors: new Sensors(),
    offered: options.offered,
    agentVersion: version,
    dataDirectory: options.dataDirectory,
    address: address.find,
    profile: profiles[options.profile],
    clock,
    log,
  })
  const onReportWanted = (): void => reporter.sendFull()
  const requests = new NodeRequests({ bus, topics, nodeName, runtime, clock, log, badMessages, onReportWanted })
  const presence = new NodePresenceSpeaker({
    ...{ bus, topics, nodeName, session, badMessages, isSystemStopping, onReportWanted },
    onMasterTime: (time, isFresh) => identity.hearTime(time, isFresh),
  })
  return [
    { name: 'runtime', start: () => undefined, stop: () => runtime.close() },
    ...link.parts,
    { name: 'presence', start: () => presence.start(), stop: () => presence.stop() },
    { name: 'reporter', start: () => undefined, stop: () => reporter.stop() },
    { name: 'network', start: () => networkSync.start(), stop: () => networkSync.stop() },
    { name: 'tokens', start: () => undefined, stop: wired.stop },
    { name: 'reconciler', start: () => reconciler.start(), stop: () => reconciler.stop() },
    { name: 'inbox', start: () => inbox.start(), stop: () => inbox.stop() },
    { name: 'requests', start: () => requests.start(), stop: () => requests.stop() },
    { name: 'telemetry', start: () => telemetry.start(), stop: () => telemetry.stop() },
  ]
}

/** The newest of what the master said. */
interface Board {
  wish: BoardWish | undefined
  network: NetworkTable | undefined
}

interface ExecutorParts {
  runtime: Runtime
  reporter: Reporter
  board: Board
  podFiles: string
  wired: WiredVolumes
  hostIP: () => string | undefined
}

function buildExecutor(options: AgentOptions, parts: ExecutorParts): Executor {
  const { runtime, reporter, board, podFiles, wired, hostIP } = parts
  const { identity, dataDirectory, cgroupParent, clock } = options
  return {
    runtime,
    volumes: wired.volumes,
    openSecret: wired.openSecret,
    clock,
    paths: {
      podLogs: '/var/log/pods',
      podFiles,
      cgroupParent,
      seccompProfiles: `${dataDirectory}/seccomp`,
    },
    sources: () => ({
      nodeName: identity.nodeName,
      hostIP: hostIP(),
      configMaps: board.wish?.configMaps ?? new Map(),
      services: board.network?.services ?? [],
    }),
    onEvent: event => reporter.addEvent(event),
  }
}

function tokenMissing({ namespace, pod }: TokenWant, why: string, clock: Clock): ReportedEvent {
  const message = `started without its service account's token, which it gets as soon as it can be had: ${why}`
  return {
    ...{ type: 'Warning', reason: 'TokenMissing', message, timestamp: timestamp(clock) },
    pod: { namespace, ...pod },
  }
}

/** The board's own address, looked up anew each time it is told, and remembered for those who cannot wait. */
function addressOf(bus: MqttBus): { find: () => Promise<string | undefined>; last: () => string | undefined } {
  const known = { address: undefined as string | undefined }
  return {
    last: () => known.address,
    async find() {
      const host = new URL(bus.url).hostname || 'localhost'
      known.address = (await findOwnAddress(host)) ?? known.address
      return known.address
    },
  }
}
