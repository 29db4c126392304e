/** Which service addresses and node ports are taken: no two services get one, however many are created at once. */
import { findKind } from '../../contract/resources/kinds.ts'
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import type { Service } from '../../contract/resources/service.ts'
import type { Random } from '../../kit/random.ts'
import type { Cache, Change } from '../store/cache.ts'
import type { Store } from '../store/store.ts'
import { type AddressRange, addressAt, inRange, parseRange } from './address-range.ts'

export interface ServiceAddressParts {
  cache: Pick<Cache, 'onChange' | 'atLeast'>
  store: Pick<Store, 'revision'>
  random: Random
  serviceCIDR: string
}

/** Kubernetes' default `--service-node-port-range`. */
const nodePortRange = { first: 30_000, size: 2768 }

/** A stored service by its uid, or a writer that has not committed yet. */
type Owner = string | symbol

/** What one writer holds until its service is stored. */
export interface Reservation {
  /** False when it is another service's. */
  take(address: string): boolean
  takeAny(what: 'clusterIP' | 'nodePort'): string | undefined
  /** After a failure, or for a dry run. */
  release(): void
  /** After the commit: the cache takes over as soon as it has seen it. */
  keep(revision: number): void
}

/**
 * Follows the cache, and holds what is reserved in between. The store stays the truth: before anything is given out, the
 * cache has seen every commit so far.
 */
export class ServiceAddresses {
  #parts: ServiceAddressParts
  #range: AddressRange
  #owners = new Map<string, Owner>()
  #following = false

  constructor(parts: ServiceAddressParts) {
    this.#parts = parts
    this.#range = parseRange(parts.serviceCIDR)
  }

  get cidr(): string {
    return this.#range.cidr
  }

  contains(address: string): boolean {
    return inRange(this.#range, address)
  }

  /** `uid`: the service that is being changed; it may keep what it has. */
  async reserve(uid: string | undefined): Promise<Reservation> {
    if (!this.#following) {
      this.#following = true
      this.#parts.cache.onChange(change => this.#follow(change))
    }
    await this.#parts.cache.atLeast(this.#parts.store.revision)
    const writer = Symbol('writer')
    const held: string[] = []
    const take = (address: string): boolean => {
      const owner = this.#owners.get(address)
      if (owner === undefined) {
        this.#owners.set(address, writer)
        held.push(address)
        return true
      }
      return owner === writer || owner === uid
    }
    const release = (): void => {
      for (const address of held) if (this.#owners.get(address) === writer) this.#owners.delete(address)
    }
    return {
      take,
      takeAny: what => {
        for (const candidate of this.#candidates(what)) if (take(candidate)) return candidate
        return undefined
      },
      release,
      // Wherever the cache has seen the commit, the service itself is the owner by now, or it is gone again.
      keep: revision => void this.#parts.cache.atLeast(revision).then(release),
    }
  }

  #follow({ kind, type, object, previous }: Change): void {
    if (kind !== serviceKind) return
    const uid = object.metadata.uid ?? ''
    const now = type === 'put' ? addressesOf(object) : []
    const before = addressesOf(previous ?? object)
    for (const address of before)
      if (!now.includes(address) && this.#owners.get(address) === uid) this.#owners.delete(address)
    for (const address of now) this.#owners.set(address, uid)
  }

  *#candidates(what: 'clusterIP' | 'nodePort'): Generator<string> {
    if (what === 'nodePort') {
      for (const offset of this.#shuffled(0, nodePortRange.size)) yield nodePortKey(nodePortRange.first + offset)
      return
    }
    // The lower part is for those who choose their address themselves, and used last (KEP-3070).
    const reserved = Math.min(Math.max(16, this.#range.size / 16), 256, this.#range.size / 2)
    const last = this.#range.size - 1
    for (const offset of this.#shuffled(reserved, last - reserved)) yield addressAt(this.#range, offset)
    for (const offset of this.#shuffled(1, reserved - 1)) yield addressAt(this.#range, offset)
  }

  /** All of `first … first + size - 1`, from a random one on: an address just given back is not the next to be given out. */
  *#shuffled(first: number, size: number): Generator<number> {
    const start = Math.floor(this.#parts.random.number() * size)
    for (let step = 0; step < size; step++) yield first + ((start + step) % size)
  }
}

export function nodePortKey(port: number): string {
  return `:${port}`
}

const serviceKind = findKind('v1', 'Service')

function addressesOf(object: KubernetesObject): string[] {
  const { clusterIP, ports = [] } = (object as Service).spec
  const nodePorts = ports.flatMap(port => (port.nodePort ? [nodePortKey(port.nodePort)] : []))
  return clusterIP && clusterIP !== 'None' ? [clusterIP, ...nodePorts] : nodePorts
}
