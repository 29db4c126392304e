/**
 * Writes, and resolves once the cache shows what was written: so the next look at the same key cannot take the past for
 * the present and, say, create the same pods twice.
 */
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Cache } from '../store/cache.ts'
import { deleteObject } from '../store/delete-object.ts'
import type { ObjectRef, Objects } from '../store/objects.ts'
import type { CommitOptions, Store } from '../store/store.ts'

/** For what controllers can work out again, and agents report again: not worth an fsync of its own. */
export const observed: CommitOptions = { durable: false }

export interface WriterParts {
  store: Store
  objects: Objects
  cache: Cache
  clock: Clock
}

export class Writer {
  #parts: WriterParts

  constructor(parts: WriterParts) {
    this.#parts = parts
  }

  async create<T extends KubernetesObject>(object: T): Promise<T> {
    return this.#seen(await this.#parts.objects.create(object))
  }

  /** Rejects with `Conflict` when `object` is not the current version. */
  async replace<T extends KubernetesObject>(object: T, options?: CommitOptions): Promise<T> {
    return this.#seen(await this.#parts.objects.replace(object, options))
  }

  /** All of them, or none. */
  async replaceAll(objects: KubernetesObject[]): Promise<void> {
    const changes = objects.map(object => ({ type: 'replace' as const, object }))
    const written = await this.#parts.objects.commitAll(changes)
    await this.#seen(written.at(-1))
  }

  async update<T extends KubernetesObject>(
    ref: ObjectRef,
    change: (current: T) => T | undefined,
    options?: CommitOptions,
  ): Promise<T | undefined> {
    return this.#seen(await this.#parts.objects.update(ref, change, options))
  }

  /** Asks for the object's end, as `flotilla delete` does. */
  async delete(object: KubernetesObject, gracePeriodSeconds?: number): Promise<void> {
    const { objects, clock } = this.#parts
    const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }
    await deleteObject(objects, object, { nowMs: clock.now(), ...grace })
    await this.#seen(undefined)
  }

  /** Takes the object away without asking anyone. */
  async remove(object: KubernetesObject): Promise<void> {
    await this.#parts.objects.remove(object, { anyVersion: true })
    await this.#seen(undefined)
  }

  /** A removed object carries no revision to wait for, so the store's own serves. */
  async #seen<T extends KubernetesObject | undefined>(written: T): Promise<T> {
    const { cache, store } = this.#parts
    const version = written?.metadata.resourceVersion
    await cache.atLeast(version === undefined ? store.revision : Number(version))
    return written
  }
}
