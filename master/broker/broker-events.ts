/** What the embedded broker tells of its connections. Telling is capped, so that a flood costs only counting. */
import type { Identity } from '../../contract/wire/identity.ts'
import type { Clock } from '../../kit/clock.ts'
import type { RefusalReason } from './policy.ts'
import { TokenBucket } from './token-bucket.ts'

export interface Refusal {
  reason: RefusalReason
  /** Who it is, or whom it claims to be. */
  identity?: Identity | undefined
  clientId?: string | undefined
  address: string
  /** For people; holds no secret. */
  detail: string
}

export type BrokerEvent =
  | { type: 'connected' | 'disconnected'; clientId: string; identity: Identity | undefined; address: string }
  /** Ended, but not for something that it was not allowed: silence, a wire that broke, a backlog. */
  | { type: 'dropped'; clientId: string | undefined; address: string; reason: string }
  | ({ type: 'refused' } & Refusal)

export interface BrokerCounters {
  clients: number
  /** From the wire, admitted or not. */
  connections: number
  unauthenticated: number
  /** Ended, but not for something that was not allowed: silence, a broken wire, a full backlog. */
  dropped: number
  refused: Partial<Record<RefusalReason, number>>
  /** Refusals beyond those that were told as events. */
  untoldRefusals: number
  /** How often a connection was not read for a while, because it sent more than its rate. */
  throttled: number
  retainedMessages: number
  retainedBytes: number
  /** Branches of the topic tree that lookups of retained messages have visited. */
  retainedVisited: number
}

const maxDetail = 256
const maxClientId = 128

/** Counts all refusals by reason, and passes on as many a second as its reader can take. */
export class Refusals {
  #counts = new Map<RefusalReason, number>()
  #untold = 0
  #bucket: TokenBucket
  #tell: (refusal: Refusal) => void

  constructor(options: { clock: Clock; eventsPerSecond: number; tell: (refusal: Refusal) => void }) {
    const { clock, eventsPerSecond, tell } = options
    this.#bucket = new TokenBucket({ perSecond: eventsPerSecond, burst: 2 * eventsPerSecond }, clock)
    this.#tell = tell
  }

  add({ detail, clientId, ...rest }: Refusal): void {
    // Both may be words of whoever is refused, and as long as a packet.
    const refusal = { ...rest, detail: detail.slice(0, maxDetail), clientId: clientId?.slice(0, maxClientId) }
    this.#counts.set(refusal.reason, this.count(refusal.reason) + 1)
    if (this.#bucket.tryTake(1)) this.#tell(refusal)
    else this.#untold++
  }

  count(reason: RefusalReason): number {
    return this.#counts.get(reason) ?? 0
  }

  /** Only those that happened. */
  get byReason(): Partial<Record<RefusalReason, number>> {
    return Object.fromEntries(this.#counts)
  }

  /** Counted, and not told. */
  get untold(): number {
    return this.#untold
  }
}
