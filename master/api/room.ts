/** What the verbs work with, and what they answer to whichever door a request came through. */
import type { ApiRequest, ApiResponse, WatchFrame } from '../../contract/wire/api.ts'
import type { Identity } from '../../contract/wire/identity.ts'
import type { NodeRequest } from '../../contract/wire/node-request.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Random } from '../../kit/random.ts'
import type { AuditSink } from '../audit/audit-entry.ts'
import type { Cache } from '../store/cache.ts'
import type { NodeUsageBoard } from '../store/node-usage.ts'
import type { Objects } from '../store/objects.ts'
import type { Store } from '../store/store.ts'
import type { Permit } from './authorize.ts'
import type { ServiceAddresses } from './service-addresses.ts'

export interface ApiParts {
  objects: Objects
  store: Store
  /** Started: it says which service addresses are taken. */
  cache: Cache
  /** What the kind NodeMetrics is served from. */
  nodeUsage: NodeUsageBoard
  trust: TrustPort
  /** See the verb `counters`. */
  counters: () => Record<string, number>
  /** Absent: nothing is recorded. */
  audit?: AuditSink
  clock: Clock
  random: Random
  /** The cluster's name, and the version of the program. */
  cluster: string
  version: string
  /** Services get their addresses from here, such as `10.96.0.0/16`. */
  serviceCIDR: string
}

/** What the verbs `sign`, `token`, `invite` and `rotate` are done by. */
export interface TrustPort {
  /** A certificate in the name of a user or tool for the key of `csr` (PEM), or of a node for the key that it joined with. */
  certify(identity: Identity, csr: string | undefined): Promise<{ certificate: string; ca: string; time: string }>
  /** A bearer token in the name of a user or a service account. */
  mint(
    identity: Identity,
    options: { expirationSeconds?: number; audience?: string; pod?: { name: string; uid: string } },
  ): Promise<{ token: string; expirationTimestamp: string }>
  invitation(): { cluster: string; addresses: string[]; caFingerprint: string }
  /** Resolves to how many secrets were encrypted anew. */
  rotateSecretsKey(): Promise<number>
}

export interface ApiContext {
  /** Who asks: the broker has seen to it that nobody asks in another's name. */
  identity: Identity
  /** The program that asks, and the id that it gave its request: for the audit log. */
  client?: string
  requestId?: string
  /** Ends a watch. */
  signal: AbortSignal
}

/** What a door does with a request: answer it, send frames until they end, or ask a node's agent and relay its stream. */
export type Answer = ApiResponse | { frames: AsyncIterable<WatchFrame> } | Forward

export interface Forward {
  node: string
  forward: NodeRequest
}

/** What the verbs work with, for one request. */
export interface Room extends ApiParts {
  addresses: ServiceAddresses
  /** Of whoever asks; the verb itself is permitted already. */
  permit: Permit
}

export type Verb = ApiRequest['verb']
export type RequestOf<V extends Verb> = Extract<ApiRequest, { verb: V }>
