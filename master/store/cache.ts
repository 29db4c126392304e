/** The store's objects in memory, indexed and kept fresh by one watch: what controllers, scheduler and fleet read. */

import { findKind, type Kind } from '../../contract/resources/kinds.ts'
import type { AnyObject, KubernetesObject } from '../../contract/resources/meta.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { backoffMs } from '../../kit/backoff.ts'
import { type Clock, sleep, systemClock } from '../../kit/clock.ts'
import { hasCode } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { kindPrefix, objectKey } from './keys.ts'
import { ObjectIndex } from './object-index.ts'
import { objectFromEntry } from './objects.ts'
import type { Entry, Store, StoreEvent, Watch } from './store.ts'

/** `object` is the last known value when `type` is `delete`. */
export interface Change {
  kind: Kind
  type: 'put' | 'delete'
  object: AnyObject
  /** What the cache held before a put; absent for a new object. */
  previous?: AnyObject
}

export interface CacheParts {
  store: Store
  log: Log
  /** For the pauses between tries when the store cannot be read. */
  clock?: Clock
  /** Freezes every object deeply, so that a reader that writes to one fails: for tests. */
  freeze?: boolean
}

type Handler = (change: Change) => void

const pageSize = 500
const retry = { minMs: 50, maxMs: 10_000, jitter: 0.2 }

/** Objects in the cache are shared by all readers: never change one. */
export class Cache {
  #store: Store
  #log: Log
  #clock: Clock
  #freeze: boolean
  #entries = new Map<string, { revision: number; kind: Kind; object: AnyObject }>()
  #byPrefix = new ObjectIndex(object => prefixOf(object))
  #byNamespace = new ObjectIndex(object => prefixOf(object, object.metadata.namespace))
  #byOwner = new ObjectIndex(object => ownerKey(object))
  #byNode = new ObjectIndex(object => nodeOf(object))
  #handlers = new Set<Handler>()
  #waiters = new Set<{ revision: number; resolve: () => void }>()
  #revision = 0
  #watch: Watch | undefined
  #following: Promise<void> | undefined
  #stopping = new AbortController()

  constructor(parts: CacheParts) {
    this.#store = parts.store
    this.#log = parts.log
    this.#clock = parts.clock ?? systemClock
    this.#freeze = parts.freeze ?? false
  }

  /** Resolves once everything that the store holds is here. */
  async start(): Promise<void> {
    await this.#listAnew()
    this.#following = this.#follow()
  }

  async stop(): Promise<void> {
    this.#end()
    await this.#following
  }

  get<T extends KubernetesObject>(kind: Kind, namespace: string | undefined, name: string): T | undefined {
    return this.#entries.get(objectKey(kind, namespace, name))?.object as T | undefined
  }

  /** In no particular order. */
  list<T extends KubernetesObject>(kind: Kind, namespace?: string): readonly T[] {
    const one = kind.namespaced && namespace !== undefined
    const index = one ? this.#byNamespace : this.#byPrefix
    return index.find(kindPrefix(kind, one ? namespace : undefined)) as KubernetesObject[] as T[]
  }

  /**
   * Objects of `kind` whose controller owner reference names this owner, in the owner's namespace only: what somebody writes
   * elsewhere must not pass for its.
   */
  ownedBy<T extends KubernetesObject>(
    kind: Kind,
    { uid, namespace }: { uid?: string; namespace?: string },
  ): readonly T[] {
    return this.#byOwner.find(`${kindPrefix(kind, namespace)}${uid ?? ''}`) as KubernetesObject[] as T[]
  }

  /** Pods bound to this node, the ended and the terminating ones included. */
  podsOnNode(node: string): readonly Pod[] {
    return this.#byNode.find(node) as KubernetesObject[] as Pod[]
  }

  /** Calls `handler` with a put for everything present, then with each change, in order. A handler that throws is logged. */
  onChange(handler: Handler): () => void {
    for (const { kind, object } of [...this.#entries.values()]) this.#call(handler, { kind, type: 'put', object })
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  /** Every commit up to this one is in the cache, whole. */
  get revision(): number {
    return this.#revision
  }

  /** Resolves once `revision` is in the cache; also when the cache stops. */
  atLeast(revision: number): Promise<void> {
    if (this.#revision >= revision || this.#stopped) return Promise.resolve()
    return new Promise(resolve => this.#waiters.add({ revision, resolve }))
  }

  /** Ends when the cache or the store is closed; anything else makes it list anew, later and later. */
  async #follow(): Promise<void> {
    for (let failures = 0; !this.#stopped; ) {
      try {
        this.#watch = this.#store.watch('', this.#revision)
        for await (const event of this.#watch) {
          this.#take(event)
          failures = 0
        }
        return this.#end()
      } catch (error) {
        if (!hasCode(error, 'Expired')) this.#log.error('cannot follow the store', { error })
        failures = await this.#recover(failures)
      }
    }
  }

  /** Resolves to how often it has failed in a row. */
  async #recover(failures: number): Promise<number> {
    try {
      if (failures > 0) await sleep(this.#clock, backoffMs(failures, retry), this.#stopping.signal)
      await this.#listAnew()
    } catch (error) {
      if (!this.#stopped) this.#log.error('cannot list the store', { error })
    }
    return failures + 1
  }

  #end(): void {
    this.#stopping.abort()
    this.#watch?.close()
    this.#wake()
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  #take(event: StoreEvent): void {
    if (event.type === 'put') this.#put(event)
    else this.#delete(event.key, event.revision)
    if (!event.more) this.#advance(event.revision)
  }

  /** Reads everything, and emits the difference to what was known. */
  async #listAnew(): Promise<void> {
    const seen = new Set<string>()
    let first: number | undefined
    let after: string | undefined
    do {
      const page = await this.#store.list('', { limit: pageSize, ...(after !== undefined && { after }) })
      first ??= page.revision
      for (const entry of page.entries) {
        seen.add(entry.key)
        this.#put(entry)
      }
      after = page.next
    } while (after !== undefined)
    for (const key of [...this.#entries.keys()]) if (!seen.has(key)) this.#delete(key, first)
    // Later pages may show later changes: those come again from the watch, and #put knows them by their revision.
    this.#advance(first)
  }

  #put({ key, value, revision }: Pick<Entry, 'key' | 'value' | 'revision'>): void {
    const known = this.#entries.get(key)
    if (known && known.revision >= revision) return
    const kind = kindOfValue(value)
    if (!kind) return
    const object = objectFromEntry<AnyObject>({ value: value as AnyObject, revision })
    if (this.#freeze) deepFreeze(object)
    if (known) for (const index of this.#indexes()) index.delete(key, known.object)
    this.#entries.set(key, { revision, kind, object })
    for (const index of this.#indexes()) index.put(key, object)
    this.#emit({ kind, type: 'put', object, ...(known && { previous: known.object }) })
  }

  #delete(key: string, revision: number): void {
    const known = this.#entries.get(key)
    if (!known || known.revision > revision) return
    this.#entries.delete(key)
    for (const index of this.#indexes()) index.delete(key, known.object)
    this.#emit({ kind: known.kind, type: 'delete', object: known.object })
  }

  #indexes(): ObjectIndex[] {
    return [this.#byPrefix, this.#byNamespace, this.#byOwner, this.#byNode]
  }

  #emit(change: Change): void {
    for (const handler of [...this.#handlers]) this.#call(handler, change)
  }

  #call(handler: Handler, change: Change): void {
    try {
      handler(change)
    } catch (error) {
      const { kind, name } = { kind: change.kind.kind, name: change.object.metadata.name }
      this.#log.error('a handler of the cache failed', { error, kind, name })
    }
  }

  #advance(revision: number): void {
    this.#revision = Math.max(this.#revision, revision)
    this.#wake()
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (waiter.revision > this.#revision && !this.#stopped) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }
}

function kindOfValue(value: unknown): Kind | undefined {
  const { apiVersion, kind } = value as Partial<AnyObject>
  return typeof apiVersion === 'string' && typeof kind === 'string' ? findKind(apiVersion, kind) : undefined
}

function prefixOf(object: AnyObject, namespace?: string): string | undefined {
  const kind = kindOfValue(object)
  return kind && kindPrefix(kind, namespace)
}

function ownerKey(object: AnyObject): string | undefined {
  const owner = object.metadata.ownerReferences?.find(reference => reference.controller)
  return owner && `${prefixOf(object, object.metadata.namespace)}${owner.uid}`
}

function nodeOf(object: AnyObject): string | undefined {
  if (object.kind !== 'Pod' || object.apiVersion !== 'v1') return undefined
  return (object as KubernetesObject as Pod).spec?.nodeName
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const field of Object.values(value)) deepFreeze(field)
}
