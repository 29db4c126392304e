/** What master and agents say to each other: wishes down, reports up. JSON shapes of the payloads on `nodes/…`. */
import { createHash } from 'node:crypto'
import type { ConfigMap } from '../resources/core.ts'
import type { ResourceList } from '../resources/meta.ts'
import type { NodeStatus } from '../resources/node.ts'
import type { Pod, PodStatus, Protocol } from '../resources/pod.ts'

/** `lan`: a lost board is noticed in 3 s. `metered`: few bytes, minutes. */
export type ProfileName = 'lan' | 'metered'

export interface Profile {
  /** MQTT keepalive, s. */
  keepaliveSeconds: number
  /** How often an agent says that it is there, ms. */
  beatMs: number
  /** Silence after which a node is unreachable, ms. */
  leaseMs: number
  /** The same when the agent's connection was closed by its kernel, so that the board is known to be alive, ms. */
  restartGraceMs: number
  /**
   * The same from when a master starts, or has a broker again, ms: after a power cut a small board is up half a minute later than the
   * master's, and a thousand of them need ten seconds for their handshakes alone.
   */
  masterGraceMs: number
  /** At least this long between two reports of usage, ms. */
  usageMs: number
}

export const profiles: Record<ProfileName, Profile> = {
  lan: {
    keepaliveSeconds: 2,
    beatMs: 1000,
    leaseMs: 3000,
    restartGraceMs: 10_000,
    masterGraceMs: 60_000,
    usageMs: 5000,
  },
  metered: {
    keepaliveSeconds: 60,
    beatMs: 60_000,
    leaseMs: 150_000,
    restartGraceMs: 150_000,
    masterGraceMs: 150_000,
    usageMs: 300_000,
  },
}

/** Retained on `master/presence`. An agent that sees a new `instance` sends a full report. */
export interface MasterPresence {
  online: boolean
  /** Grows at each election or restore: an agent takes no wish of an older epoch. */
  epoch: number
  /** Random per process. */
  instance: string
  version: string
  /** When this was said, by the master's clock, RFC 3339: boards that have no clock know at least how late it is. */
  time?: string
}

/** Retained on `nodes/<n>/presence`; the Last Will is `{online: false}`. */
export interface NodePresence {
  online: boolean
  /** `sessionOf` the agent's connection, another one for each process: tells two boards with one name apart. */
  session?: string
  /** `shutdown` when the board says goodbye itself: its pods may be replaced at once. */
  reason?: 'shutdown'
}

/**
 * What an agent calls itself, by the id of its MQTT client: a broker that knows the one can find the other. Not the other way round:
 * at a Mosquitto, whoever knows a client's id can put it out, and a session is told to all who may hear presences.
 */
export function sessionOf(clientId: string): string {
  return createHash('sha256').update(clientId).digest('hex').slice(0, 32)
}

/** On `nodes/<n>/beat`. */
export interface Beat {
  session: string
}

/**
 * The documents of a node's wish, by name:
 * `node`: NodeWish · `pods/<namespace>/<name>`: PodWish · `configmaps/<namespace>/<name>`: ConfigMap ·
 * `secrets/<namespace>/<name>`: SecretWish.
 */
export interface NodeWish {
  name: string
  podCIDR: string
  /** All pods of the cluster, and all services: what is not masqueraded. */
  clusterCIDR: string
  serviceCIDR: string
  profile: ProfileName
}

/**
 * A pod that this node is to run; with `metadata.deletionTimestamp`, one that it is to stop gracefully. What its service account
 * decides is decided: `serviceAccountName` and `automountServiceAccountToken` are there, and `imagePullSecrets` when there are any.
 */
export type PodWish = Pick<Pod, 'apiVersion' | 'kind' | 'metadata' | 'spec'>
export type ConfigMapWish = ConfigMap

/** A Secret that a pod of this node mentions. Neither a broker nor the board's disk holds more of it than this. */
export interface SecretWish {
  metadata: SecretVersion
  /** Compact JWE of SecretContents for the node's own key, sealed about `secretDocument(namespace, name)`. */
  sealed: string
}

/** Equal versions have equal contents; sealing again gives another text all the same. */
export interface SecretVersion {
  namespace: string
  name: string
  uid: string
  resourceVersion: string
}

/** JSON inside of `sealed`. Believe this metadata, and not that outside: whoever carries it could have changed that. */
export interface SecretContents {
  metadata: SecretVersion
  type: string
  /** Base64. */
  data: Record<string, string>
}

/** The name of the document, and what its sealed text is about. */
export function secretDocument(namespace: string, name: string): string {
  return `secrets/${namespace}/${name}`
}

/** Documents of the shared collection: `nodes/<name>`: NodeRoute · `services/<namespace>/<name>`: ServiceRoute. */
export interface NodeRoute {
  name: string
  /** Its address on the LAN. */
  address: string
  podCIDR: string
}

export interface ServiceRoute {
  namespace: string
  name: string
  /** Undefined for a headless service. */
  clusterIP?: string
  sessionAffinity: 'None' | 'ClientIP'
  ports: ServicePortRoute[]
}

export interface ServicePortRoute {
  name: string
  protocol: Protocol
  port: number
  nodePort?: number
  /** Those that may get new connections. */
  endpoints: EndpointRoute[]
}

export interface EndpointRoute {
  ip: string
  port: number
  node: string
}

/** On `nodes/<n>/report`. A full one replaces all that is known; a diff holds only what changed since `sequence - 1`. */
export interface Report {
  session: string
  sequence: number
  full: boolean
  /** The wish that the node has taken in: the master can tell whether it is heard. */
  wish?: { epoch: number; generation: number }
  node?: NodeStatus
  usage?: NodeUsage
  /** By uid. In a full report: every pod on the board. */
  pods?: Record<string, PodReport>
  events?: ReportedEvent[]
}

export interface NodeUsage {
  /** RFC 3339. */
  timestamp: string
  usage: ResourceList
}

/** `gone`: the agent has removed every trace of the pod; its object may go. */
export interface PodReport {
  namespace: string
  name: string
  status?: PodStatus
  gone?: boolean
}

/** Something that happened to a pod on the board (`Pulled`, `Started`, `BackOff` …), or to the node when `pod` is absent. */
export interface ReportedEvent {
  pod?: { namespace: string; name: string; uid: string }
  type: 'Normal' | 'Warning'
  reason: string
  message: string
  timestamp: string
}
