/** Kubernetes objects over the store's keys: fills in metadata on the way in, and `resourceVersion` on the way out. */

import { findKind, type Kind } from '../../contract/resources/kinds.ts'
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import { type Clock, timestamp } from '../../kit/clock.ts'
import { CodedError, hasCode } from '../../kit/errors.ts'
import type { Random } from '../../kit/random.ts'
import { kindPrefix, objectKey } from './keys.ts'
import { sameJson } from './same-json.ts'
import type { CommitOptions, Entry, Operation, Store } from './store.ts'

export interface ObjectRef {
  kind: Kind
  namespace?: string
  name: string
}

/** One step of `commitAll`. A `replace` that changes nothing still checks the version. */
export type ObjectChange = { type: 'create' | 'replace' | 'remove'; object: KubernetesObject }

/** How often `update` and `remove` start again when someone else was faster. */
const maxConflicts = 8
/** How many generated names are tried before giving up. */
const maxNameTries = 5
/** Kubernetes' generated names: at most 63 characters, of which five are random. */
const suffixLength = 5
const maxGeneratedBase = 63 - suffixLength
const pageSize = 500

export class Objects {
  #store: Store
  #clock: Clock
  #random: Random

  constructor(parts: { store: Store; clock: Clock; random: Random }) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#random = parts.random
  }

  async get<T extends KubernetesObject>(
    kind: Kind,
    namespace: string | undefined,
    name: string,
  ): Promise<T | undefined> {
    const entry = await this.#store.get(objectKey(kind, namespace, name))
    return entry && objectFromEntry<T>(entry)
  }

  /** All objects of a kind, or of one namespace, in the order of their keys. */
  async list<T extends KubernetesObject>(kind: Kind, namespace?: string): Promise<T[]> {
    const objects: T[] = []
    let after: string | undefined
    do {
      const page = await this.#store.list(kindPrefix(kind, namespace), { limit: pageSize, ...(after && { after }) })
      for (const entry of page.entries) objects.push(objectFromEntry<T>(entry))
      after = page.next
    } while (after !== undefined)
    return objects
  }

  /** Rejects with `AlreadyExists`. With `generateName` and no name, finds a free one. */
  async create<T extends KubernetesObject>(object: T, options?: CommitOptions): Promise<T> {
    const generated = object.metadata.name ? undefined : object.metadata.generateName
    for (let attempt = 1; ; attempt++) {
      const born = this.#born(object)
      try {
        const revision = await this.#store.commit([putNew(born)], options)
        return withVersion(born, revision)
      } catch (error) {
        if (!hasCode(error, 'Conflict')) throw error
        if (generated === undefined || attempt >= maxNameTries) throw alreadyExists(born, error)
      }
    }
  }

  /**
   * Writes `object` over the version that its `resourceVersion` names; rejects with `Conflict` when that is not the
   * current one and `NotFound` when there is none. Writes nothing when nothing changed.
   */
  async replace<T extends KubernetesObject>(object: T, options?: CommitOptions): Promise<T> {
    const { current, next, expected } = await this.#successor(object)
    if (sameJson(current, next)) return withVersion(next, expected)
    const operation: Operation = { type: 'put', key: keyOf(next), value: next, expected }
    return withVersion(next, await this.#store.commit([operation], options))
  }

  /**
   * Reads, changes, writes; starts again when someone else was faster. `change` may be called several times and returning
   * undefined leaves the object as it is. Resolves to what is stored then, or undefined when there is no such object.
   */
  async update<T extends KubernetesObject>(
    ref: ObjectRef,
    change: (current: T) => T | undefined,
    options?: CommitOptions,
  ): Promise<T | undefined> {
    for (let attempt = 1; ; attempt++) {
      const current = await this.get<T>(ref.kind, ref.namespace, ref.name)
      if (!current) return undefined
      const wanted = change(structuredClone(current))
      if (!wanted) return current
      try {
        const { resourceVersion } = current.metadata
        return await this.replace({ ...wanted, metadata: { ...wanted.metadata, resourceVersion } } as T, options)
      } catch (error) {
        if (hasCode(error, 'NotFound')) return undefined
        if (!hasCode(error, 'Conflict') || attempt >= maxConflicts) throw error
      }
    }
  }

  /**
   * Removes this very object (another one of the same name and a new uid is left alone). Rejects with `Conflict` when it has
   * changed since it was read, unless `anyVersion`. One that is gone already is fine.
   */
  async remove(object: KubernetesObject, options: CommitOptions & { anyVersion?: boolean } = {}): Promise<void> {
    const key = keyOf(object)
    for (let attempt = 1; ; attempt++) {
      const entry = await this.#store.get(key)
      if (!entry || !isSame(object, entry.value as KubernetesObject)) return
      const expected = options.anyVersion ? entry.revision : versionOf(object)
      try {
        await this.#store.commit([{ type: 'delete', key, expected }], options)
        return
      } catch (error) {
        if (!hasCode(error, 'Conflict') || attempt >= maxConflicts) throw error
        if (!options.anyVersion && entry.revision !== expected) throw error
      }
    }
  }

  /** All changes in one transaction, or none. Resolves to the objects as stored, in order (removed ones as given). */
  async commitAll(changes: ObjectChange[], options?: CommitOptions): Promise<KubernetesObject[]> {
    const steps = await Promise.all(changes.map(change => this.#step(change)))
    const operations = steps.map(step => step.operation)
    const revision = await this.#store.commit(operations, options)
    return steps.map(({ operation, object }) => (operation.type === 'put' ? withVersion(object, revision) : object))
  }

  async #step({ type, object }: ObjectChange): Promise<{ operation: Operation; object: KubernetesObject }> {
    if (type === 'create') {
      const born = this.#born(object)
      return { operation: putNew(born), object: born }
    }
    if (type === 'remove') {
      return { operation: { type: 'delete', key: keyOf(object), expected: versionOf(object) }, object }
    }
    const { current, next, expected } = await this.#successor(object)
    const key = keyOf(next)
    if (sameJson(current, next))
      return { operation: { type: 'check', key, expected }, object: withVersion(next, expected) }
    return { operation: { type: 'put', key, value: next, expected }, object: next }
  }

  #born<T extends KubernetesObject>(object: T): T {
    const { generateName, name } = object.metadata
    if (!name && !generateName)
      throw new CodedError('Invalid', `cannot create a ${object.kind}: because it has no name`)
    const metadata = {
      ...object.metadata,
      name: name || `${generateName?.slice(0, maxGeneratedBase)}${this.#random.suffix(suffixLength)}`,
      uid: this.#random.uuid(),
      creationTimestamp: timestamp(this.#clock),
      generation: 1,
    }
    delete metadata.resourceVersion
    return { ...object, metadata }
  }

  /** What is stored under the object's key, and what replaces it, both as stored. */
  async #successor<T extends KubernetesObject>(object: T): Promise<{ current: T; next: T; expected: number }> {
    const expected = versionOf(object)
    const entry = await this.#store.get(keyOf(object))
    if (!entry) throw new CodedError('NotFound', `cannot replace ${describe(object)}: because there is none`)
    const current = entry.value as T
    if (entry.revision !== expected || !isSame(object, current)) {
      const why = `it has changed since it was read (at ${expected}, now ${entry.revision})`
      throw new CodedError('Conflict', `cannot replace ${describe(object)}: because ${why}`)
    }
    return { current, next: successor(current, object), expected }
  }
}

/** An object as served: the entry's value with its revision as `resourceVersion`. The value itself is left as it is. */
export function objectFromEntry<T extends KubernetesObject>(entry: Pick<Entry, 'value' | 'revision'>): T {
  return withVersion(entry.value as T, entry.revision)
}

export function kindOf(object: { apiVersion: string; kind: string }): Kind {
  const kind = findKind(object.apiVersion, object.kind)
  if (!kind)
    throw new CodedError(
      'NotFound',
      `cannot place a ${object.kind} (${object.apiVersion}): because its kind is unknown`,
    )
  return kind
}

/** uid, birth and generation belong to the store, whatever the caller sends. */
function successor<T extends KubernetesObject>(current: T, object: T): T {
  const { uid, creationTimestamp, generation = 1 } = current.metadata
  const grown = sameJson(withoutMeta(current), withoutMeta(object)) ? generation : generation + 1
  const metadata = {
    ...object.metadata,
    generation: grown,
    ...(uid && { uid }),
    ...(creationTimestamp && { creationTimestamp }),
  }
  delete metadata.resourceVersion
  return { ...object, metadata }
}

function withoutMeta(object: KubernetesObject): object {
  return { ...object, metadata: undefined, status: undefined }
}

function withVersion<T extends KubernetesObject>(object: T, revision: number): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }
}

function versionOf(object: KubernetesObject): number {
  const { resourceVersion } = object.metadata
  if (resourceVersion && /^[1-9]\d*$/.test(resourceVersion)) return Number(resourceVersion)
  const why = resourceVersion ? `its resourceVersion ${resourceVersion} is no number` : 'it carries no resourceVersion'
  throw new CodedError('BadRequest', `cannot change ${describe(object)}: because ${why}`)
}

/** A caller that names no uid means whichever object has the name. */
function isSame(object: KubernetesObject, stored: KubernetesObject): boolean {
  return object.metadata.uid === undefined || object.metadata.uid === stored.metadata.uid
}

function putNew(object: KubernetesObject): Operation {
  return { type: 'put', key: keyOf(object), value: object, expected: 0 }
}

function keyOf(object: KubernetesObject): string {
  return objectKey(kindOf(object), object.metadata.namespace, object.metadata.name)
}

function describe(object: KubernetesObject): string {
  const { namespace, name } = object.metadata
  return `${object.kind} ${namespace ? `${namespace}/` : ''}${name}`
}

function alreadyExists(object: KubernetesObject, cause: unknown): CodedError {
  return new CodedError('AlreadyExists', `cannot create ${describe(object)}: because it exists already`, { cause })
}
