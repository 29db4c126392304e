/**
 * Who may knock: each socket is counted, by address, before anything is spent on it; and whoever is not admitted in time is
 * put out again. So one address that opens thousands of connections neither starves the others nor fills the memory.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '../../kit/clock.ts'
import type { Refusal } from './broker-events.ts'
import type { BrokerLimits, Rate } from './limits.ts'
import { TokenBucket } from './token-bucket.ts'

/** A connection from TCP's first byte on. */
export interface Visit {
  readonly address: string
  readonly admitted: boolean
  /** It is known who it is: it may stay. */
  admit(): void
  /** False when its address has come to join too often. */
  mayJoin(): boolean
}

interface AddressState {
  connections: number
  unauthenticated: number
  accepts: TokenBucket
  joins: TokenBucket
}

type GateLimits = Pick<
  BrokerLimits,
  | 'maxClients'
  | 'maxUnauthenticated'
  | 'maxConnectionsPerAddress'
  | 'maxUnauthenticatedPerAddress'
  | 'acceptsPerAddress'
  | 'joinsPerAddress'
  | 'handshakeMs'
>

/** From here on, addresses that have nothing open are forgotten before a new one is remembered. */
const maxIdleAddresses = 4096

export class Gate {
  #limits: GateLimits
  #clock: Clock
  #refuse: (refusal: Refusal) => void
  #addresses = new Map<string, AddressState>()
  #connections = 0
  #unauthenticated = 0
  /** Not admitted yet. */
  #waiting = new Set<Duplex>()
  #closed = false

  constructor(options: { limits: GateLimits; clock: Clock; refuse: (refusal: Refusal) => void }) {
    this.#limits = options.limits
    this.#clock = options.clock
    this.#refuse = options.refuse
  }

  get connections(): number {
    return this.#connections
  }

  get unauthenticated(): number {
    return this.#unauthenticated
  }

  /** The socket is closed when the answer is undefined. */
  knock(socket: Duplex, address: string): Visit | undefined {
    const state = this.#stateOf(groupOf(address))
    const refusal = this.#check(state)
    if (refusal) this.#refuse({ ...refusal, address })
    if (refusal || this.#closed) {
      // Without a word: an answer would cost more than the question.
      socket.on('error', () => undefined)
      socket.destroy()
      return undefined
    }
    return this.#enter(socket, address, state)
  }

  /** Puts out all who wait; those who were admitted are somebody else's to end. */
  close(): void {
    this.#closed = true
    for (const socket of this.#waiting) socket.destroy()
  }

  #check(state: AddressState): Pick<Refusal, 'reason' | 'detail'> | undefined {
    const limits = this.#limits
    if (!state.accepts.tryTake(1)) return { reason: 'rate', detail: 'its address connects too often' }
    const tooMany = (detail: string): Pick<Refusal, 'reason' | 'detail'> => ({ reason: 'too-many-connections', detail })
    if (state.unauthenticated >= limits.maxUnauthenticatedPerAddress) {
      return tooMany(`${state.unauthenticated} connections of its address have not said yet who they are`)
    }
    if (state.connections >= limits.maxConnectionsPerAddress) {
      return tooMany(`its address has ${state.connections} connections`)
    }
    if (this.#unauthenticated >= limits.maxUnauthenticated) {
      return tooMany(`${this.#unauthenticated} connections have not said yet who they are`)
    }
    if (this.#connections >= limits.maxClients) return tooMany(`there are ${this.#connections} connections`)
    return undefined
  }

  #enter(socket: Duplex, address: string, state: AddressState): Visit {
    let admitted = false
    this.#count(state, { connections: 1, unauthenticated: 1 })
    this.#waiting.add(socket)
    const { handshakeMs } = this.#limits
    const cancel = this.#clock.after(handshakeMs, () => {
      this.#refuse({ reason: 'too-slow', address, detail: `it did not say within ${handshakeMs} ms who it is` })
      socket.destroy()
    })
    socket.once('close', () => {
      cancel()
      this.#waiting.delete(socket)
      this.#count(state, { connections: -1, unauthenticated: admitted ? 0 : -1 })
    })
    return {
      address,
      mayJoin: () => state.joins.tryTake(1),
      get admitted() {
        return admitted
      },
      admit: () => {
        if (admitted || socket.destroyed) return
        admitted = true
        cancel()
        this.#waiting.delete(socket)
        this.#count(state, { connections: 0, unauthenticated: -1 })
      },
    }
  }

  #count(state: AddressState, by: { connections: number; unauthenticated: number }): void {
    state.connections += by.connections
    state.unauthenticated += by.unauthenticated
    this.#connections += by.connections
    this.#unauthenticated += by.unauthenticated
  }

  #stateOf(group: string): AddressState {
    const known = this.#addresses.get(group)
    if (known) return known
    if (this.#addresses.size >= maxIdleAddresses) this.#forget()
    const bucket = (rate: Rate): TokenBucket => new TokenBucket(rate, this.#clock)
    const { acceptsPerAddress, joinsPerAddress } = this.#limits
    const buckets = { accepts: bucket(acceptsPerAddress), joins: bucket(joinsPerAddress) }
    const state = { connections: 0, unauthenticated: 0, ...buckets }
    this.#addresses.set(group, state)
    return state
  }

  #forget(): void {
    for (const [group, { connections, accepts, joins }] of this.#addresses) {
      if (connections === 0 && accepts.full && joins.full) this.#addresses.delete(group)
    }
  }
}

/** Who has one IPv6 address has its /64: 2⁶⁴ addresses are one. */
export function groupOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped) return mapped
  if (!address.includes(':')) return address
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const groups = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  const whole = [...groups, ...Array<string>(missing).fill('0'), ...(tail ? tail.split(':') : [])]
  return `${whole.slice(0, 4).join(':')}::/64`
}
