/** What a master stands on before anything runs: the store with its keys, the objects in it, and the cluster's trust. */
import { join } from 'node:path'
import { findCondition } from '../contract/resources/conditions.ts'
import type { Node } from '../contract/resources/node.ts'
import { type ProfileName, profiles, sessionOf } from '../contract/wire/fleet.ts'
import type { Clock } from '../kit/clock.ts'
import { makeDirectory } from '../kit/directory.ts'
import type { Log } from '../kit/log.ts'
import type { Random } from '../kit/random.ts'
import type { ListenAddress } from './broker/listener.ts'
import { externalPorts } from './broker-connection.ts'
import { Leases } from './fleet/leases.ts'
import { Sessions } from './fleet/sessions.ts'
import { Cache } from './store/cache.ts'
import { EventRecorder } from './store/event-recorder.ts'
import { openLevelStore } from './store/level-store.ts'
import { Objects } from './store/objects.ts'
import { openSealedStore, type SealedStore } from './store/sealed-store.ts'
import { advertisedAddresses } from './trust/advertise.ts'
import { nodeKind } from './trust/kinds.ts'
import { openTrust, pkiDirectoryOf, type TrustOptions } from './trust/trust.ts'

export interface FoundationOptions {
  cluster: string
  dataDirectory: string
  /** Where the embedded broker listens; ignored with `brokerUrl`. */
  listen: ListenAddress[]
  /** `HOST:PORT` that boards and users are told of. Default: the addresses of this board's interfaces. */
  advertise?: string[]
  /** A broker of the user's own, instead of the embedded one. */
  brokerUrl: string | undefined
  profile: ProfileName
  clock: Clock
  random: Random
  log: Log
}

/** What all rooms stand on. */
export interface Foundation {
  store: SealedStore
  objects: Objects
  cache: Cache
  events: EventRecorder
  leases: Leases
  sessions: Sessions
}

/** Makes the keys and the first user of a cluster, as the first start would. Resolves to whether the keys are new. */
export async function makeCluster(options: FoundationOptions): Promise<boolean> {
  const store = await openStore(options, () => undefined)
  try {
    return (await openTrust(trustOptions(options, furnish(options, store)))).isNew
  } finally {
    await store.close()
  }
}

/** `onFailure`: the disk has refused a write. */
export async function openStore(
  { dataDirectory, clock, log }: FoundationOptions,
  onFailure: (error: unknown) => void,
): Promise<SealedStore> {
  await makeDirectory(dataDirectory)
  const engine = await openLevelStore({ directory: `${dataDirectory}/store`, clock, log, onFailure })
  const keysPath = join(pkiDirectoryOf(dataDirectory), 'secrets.keys')
  return openSealedStore({ store: engine, keysPath, clock, log })
}

export function furnish({ clock, random, log, profile }: FoundationOptions, store: SealedStore): Foundation {
  const objects = new Objects({ store, clock, random })
  const cache = new Cache({ store, log, clock })
  const events = new EventRecorder({ objects, clock, log })
  const leases = new Leases({ clock, profile: profiles[profile] })
  const sessions = new Sessions({ clock, takeoverMs: profiles[profile].leaseMs })
  return { store, objects, cache, events, leases, sessions }
}

export function trustOptions(options: FoundationOptions, foundation: Foundation): TrustOptions {
  const { objects, cache, events, leases, sessions } = foundation
  const { cluster, clock, random, log, dataDirectory, listen, advertise = [], brokerUrl } = options
  const tls = listen.filter(address => address.type === 'tls')
  const sockets = listen.filter(address => address.type === 'tls-unix')
  const external = brokerUrl === undefined ? undefined : externalPorts(brokerUrl)
  const addresses = (port: number | undefined): string[] =>
    advertisedAddresses({ advertise, listen: port === undefined ? tls : [{ host: '0.0.0.0', port }] })
  const atJoinPort = (address: string): string => address.replace(/:\d+$/, `:${external?.joinPort}`)
  return {
    ...{ directory: dataDirectory, cluster, clock, random, log, objects, cache, events },
    addresses: () => addresses(external?.port),
    ...(external && { joinAddresses: () => addresses(external.port).map(atJoinPort) }),
    localServers: () => (brokerUrl === undefined ? sockets.map(({ socketPath }) => `mqtts+unix://${socketPath}`) : []),
    isTwin: (node, clientId) => sessions.isStranger(node, sessionOf(clientId)),
    // After a restart nobody has been heard yet: what the store says of a board holds until it is known better.
    isLiving: node => leases.isReachable(node) || isReady(cache.get<Node>(nodeKind, undefined, node)),
  }
}

function isReady(node: Node | undefined): boolean {
  return findCondition(node?.status?.conditions, 'Ready')?.status === 'True'
}
