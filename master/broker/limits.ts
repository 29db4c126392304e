/** What the embedded broker grants at most: to all, to one address, to one kind of identity, to one connection. */
import type { IdentityKind } from '../../contract/wire/identity.ts'
import { maxPacketBytes } from '../../contract/wire/limits.ts'

/** Refills by `perSecond` up to `burst`. */
export interface Rate {
  perSecond: number
  burst: number
}

/** Of one kind of identity; per connection unless it says otherwise. */
export interface KindLimits {
  /** Of all connections with one username. Boards that join have one username in common. */
  connectionsPerIdentity: number
  maxPacketBytes: number
  maxSubscriptions: number
  /** MQTT packets of any type. Beyond it the broker stops reading for a while. */
  packets: Rate
  /** Bytes read. Beyond it the broker stops reading for a while. */
  bytes: Rate
  /** What the client has not taken yet; beyond it, it is dropped. */
  maxBacklogBytes: number
  /** Of one retained message; where it may retain at all is in the table. */
  maxRetainedMessageBytes: number
  /** The connection is ended after it. Undefined: it may stay. */
  maxLifeMs?: number
}

export interface BrokerLimits {
  maxRetainedMessages: number
  maxRetainedBytes: number
  /** Connections of all addresses, whoever they are. */
  maxClients: number
  /** Connections of all addresses that have not been admitted yet: each costs a TLS handshake and its buffers. */
  maxUnauthenticated: number
  /** Of one address (of one /64 for IPv6), which may be a whole site behind one router. The master's own way in does not count. */
  maxConnectionsPerAddress: number
  maxUnauthenticatedPerAddress: number
  acceptsPerAddress: Rate
  /** Connections of one address that may only join, and how often it may come for one. */
  maxJoiningPerAddress: number
  joinsPerAddress: Rate
  /** From the first byte of TCP to the welcome, TLS and CONNECT and all. */
  handshakeMs: number
  /** Without a pause beyond its rate of packets, a connection is dropped. */
  maxThrottledMs: number
  /** QoS 2 messages that a client may have half-delivered; nothing of ours uses QoS 2. */
  maxHalfDelivered: number
  /** Refusals told as events; all are counted. */
  eventsPerSecond: number
  kinds: Record<IdentityKind, KindLimits>
}

/** What a caller may set: one field, or one field of one kind. */
export type BrokerLimitsPatch = Partial<Omit<BrokerLimits, 'kinds'>> & {
  kinds?: Partial<Record<IdentityKind, Partial<KindLimits>>>
}

const KiB = 1024
const MiB = 1024 * KiB

/** A board that joins asks once or twice, for a minute. */
const joining: KindLimits = {
  connectionsPerIdentity: 256,
  // A join request holds a CSR and the facts of a board.
  maxPacketBytes: 32 * KiB,
  maxSubscriptions: 2,
  packets: { perSecond: 1, burst: 12 },
  bytes: { perSecond: 4 * KiB, burst: 96 * KiB },
  maxBacklogBytes: 128 * KiB,
  maxRetainedMessageBytes: 0,
  maxLifeMs: 60_000,
}

const node: KindLimits = {
  // One, and those of which the broker does not know yet that they are gone.
  connectionsPerIdentity: 4,
  maxPacketBytes,
  maxSubscriptions: 512,
  packets: { perSecond: 1000, burst: 5000 },
  bytes: { perSecond: 16 * MiB, burst: 32 * MiB },
  maxBacklogBytes: 16 * MiB,
  maxRetainedMessageBytes: 4 * KiB,
}

const user: KindLimits = {
  ...node,
  connectionsPerIdentity: 64,
  maxSubscriptions: 1024,
  maxRetainedMessageBytes: 0,
}

const tool: KindLimits = {
  ...user,
  connectionsPerIdentity: 8,
  // It has nothing to say.
  maxPacketBytes: 16 * KiB,
  maxSubscriptions: 64,
  packets: { perSecond: 20, burst: 200 },
  bytes: { perSecond: 16 * KiB, burst: 64 * KiB },
}

/** Its packets and bytes are what the others' limits let through, and its own. */
const master: KindLimits = {
  connectionsPerIdentity: 64,
  maxPacketBytes,
  maxSubscriptions: 20_000,
  packets: { perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY },
  bytes: { perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY },
  maxBacklogBytes: 64 * MiB,
  maxRetainedMessageBytes: maxPacketBytes,
}

const defaultLimits: BrokerLimits = {
  maxRetainedMessages: 500_000,
  maxRetainedBytes: 256 * MiB,
  maxClients: 12_000,
  maxUnauthenticated: 1024,
  maxConnectionsPerAddress: 4096,
  maxUnauthenticatedPerAddress: 128,
  acceptsPerAddress: { perSecond: 100, burst: 256 },
  // A rack behind one router; its boards come again when they are refused.
  maxJoiningPerAddress: 16,
  joinsPerAddress: { perSecond: 10, burst: 64 },
  handshakeMs: 10_000,
  maxThrottledMs: 60_000,
  maxHalfDelivered: 20,
  eventsPerSecond: 50,
  kinds: { joining, node, user, serviceAccount: { ...user, connectionsPerIdentity: 16 }, tool, master },
}

export function limitsWith(patch: BrokerLimitsPatch = {}): BrokerLimits {
  const kinds = { ...defaultLimits.kinds }
  for (const [kind, changes] of Object.entries(patch.kinds ?? {}) as Array<[IdentityKind, Partial<KindLimits>]>) {
    kinds[kind] = { ...kinds[kind], ...changes }
  }
  return { ...defaultLimits, ...patch, kinds }
}
