/** Who can be reached: each node's lease runs out when nothing was heard of it for too long. */
import type { Profile } from '../../contract/wire/fleet.ts'
import type { Cancel, Clock } from '../../kit/clock.ts'
import type { NodeHealth } from '../store/node-health.ts'

export interface LeasesParts {
  clock: Clock
  profile: Profile
}

interface Lease {
  lastHeardMs: number
  /** Monotonic: unreachable from then on. */
  endsMs: number
  reachable: boolean
  timer: Timer | undefined
  why: string
}

interface Timer {
  cancel: Cancel
  dueMs: number
}

type Handler = (node: string, reachable: boolean, why: string) => void

export class Leases implements NodeHealth {
  #parts: LeasesParts
  #leases = new Map<string, Lease>()
  #handlers = new Set<Handler>()
  #suspended = false

  constructor(parts: LeasesParts) {
    this.#parts = parts
  }

  isReachable(node: string): boolean {
    return this.#leases.get(node)?.reachable ?? false
  }

  onChange(handler: Handler): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  /** A sign of life of any kind. */
  heard(node: string): void {
    const { clock, profile } = this.#parts
    const lease = this.#leaseOf(node)
    lease.lastHeardMs = clock.monotonic()
    this.#extend(node, lease, { byMs: profile.leaseMs, why: `no beat for ${profile.leaseMs / 1000} s` })
    if (!lease.reachable) this.#set(node, lease, { reachable: true, why: 'the agent reports' })
  }

  /**
   * The broker says that the connection is gone. If the node was heard a moment ago, its kernel has closed the connection:
   * the agent died or restarts, but the board lives and so do its containers, which are not moved in a hurry.
   */
  connectionLost(node: string): void {
    const { clock, profile } = this.#parts
    const lease = this.#leases.get(node)
    if (!lease?.reachable) return
    const silentMs = clock.monotonic() - lease.lastHeardMs
    if (silentMs > longestSilenceOfLiving(profile)) return
    const byMs = profile.restartGraceMs
    this.#extend(node, lease, { byMs, why: `the agent has been gone for ${byMs / 1000} s` })
  }

  /** It is known that nothing more will be heard: the board has said goodbye, or is not heard any more. */
  end(node: string, why: string): void {
    const lease = this.#leases.get(node)
    if (lease?.reachable) this.#set(node, lease, { reachable: false, why })
  }

  /** Nobody can be heard just now: no lease runs out until `resume`. */
  suspend(): void {
    this.#suspended = true
    for (const lease of this.#leases.values()) disarm(lease)
  }

  /** Those who were reachable may take as long to be heard again as after a start of the master. */
  resume(): void {
    if (!this.#suspended) return
    this.#suspended = false
    const byMs = this.#parts.profile.masterGraceMs
    const why = `not heard of for ${byMs / 1000} s after the broker came back`
    for (const [node, lease] of this.#leases) if (lease.reachable) this.#extend(node, lease, { byMs, why })
  }

  forget(node: string): void {
    const lease = this.#leases.get(node)
    if (lease) disarm(lease)
    this.#leases.delete(node)
  }

  stop(): void {
    for (const node of [...this.#leases.keys()]) this.forget(node)
  }

  #leaseOf(node: string): Lease {
    const known = this.#leases.get(node)
    if (known) return known
    const lease: Lease = {
      lastHeardMs: Number.NEGATIVE_INFINITY,
      endsMs: 0,
      reachable: false,
      timer: undefined,
      why: '',
    }
    this.#leases.set(node, lease)
    return lease
  }

  /** One timer a node: a beat only moves the end, and the timer looks at it when it fires. */
  #extend(node: string, lease: Lease, { byMs, why }: { byMs: number; why: string }): void {
    lease.endsMs = this.#parts.clock.monotonic() + byMs
    lease.why = why
    // One that is due too late was set for a longer grace: after it, silence counts as before.
    if (lease.timer && lease.timer.dueMs > lease.endsMs) disarm(lease)
    this.#arm(node, lease)
  }

  #arm(node: string, lease: Lease): void {
    if (lease.timer || this.#suspended) return
    const { clock } = this.#parts
    const cancel = clock.after(lease.endsMs - clock.monotonic(), () => this.#check(node, lease))
    lease.timer = { cancel, dueMs: lease.endsMs }
  }

  #check(node: string, lease: Lease): void {
    lease.timer = undefined
    if (!lease.reachable) return
    if (lease.endsMs > this.#parts.clock.monotonic()) this.#arm(node, lease)
    else this.#set(node, lease, { reachable: false, why: lease.why })
  }

  #set(node: string, lease: Lease, { reachable, why }: { reachable: boolean; why: string }): void {
    lease.reachable = reachable
    for (const handler of this.#handlers) handler(node, reachable, why)
  }
}

/**
 * Whoever lives beats, so it is silent for one beat at most; a cut cable shows only after one and a half keepalives
 * [MQTT-3.1.2-24]. Half-way between the two, a beat may be late and a broker early by the same.
 */
function longestSilenceOfLiving({ beatMs, keepaliveSeconds }: Profile): number {
  return (beatMs + keepaliveSeconds * 1500) / 2
}

function disarm(lease: Lease): void {
  lease.timer?.cancel()
  lease.timer = undefined
}
