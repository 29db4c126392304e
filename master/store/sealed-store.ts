/** A Store that keeps the values of Secrets sealed in the engine below it: whoever uses it sees them, its disk never does. */
import type { Clock } from '../../kit/clock.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { KeyRing } from './key-ring.ts'
import { resealAll } from './reseal.ts'
import { asSealed, openValue, sealValue, unreadable } from './sealing.ts'
import type { CommitOptions, Entry, ListOptions, Operation, Page, Store, StoreEvent, Watch } from './store.ts'

export interface SealedStoreOptions {
  /** The engine. It is closed with this one. */
  store: Store
  /** Made when there is none, unless something is sealed already. */
  keysPath: string
  /** Keys of what is sealed start with it. Default: those of Secrets. */
  prefix?: string
  clock: Clock
  log: Log
}

const secretsPrefix = 'secrets/'
/** Half of what one key may seal (see sealing.ts), taking every commit for a Secret's: time to say so. */
const commitsPerKey = 2 ** 31

/**
 * Goes on with a rotation that a crash has interrupted. Rejects with `ServiceUnavailable` when the keys are missing or damaged;
 * the engine is closed then.
 */
export async function openSealedStore(options: SealedStoreOptions): Promise<SealedStore> {
  try {
    return await open(options)
  } catch (error) {
    await options.store.close()
    throw error
  }
}

async function open(options: SealedStoreOptions): Promise<SealedStore> {
  const { store, keysPath, prefix = secretsPrefix, clock, log } = options
  const found = await KeyRing.open(keysPath, clock)
  if (!found && (await isInUse(store, prefix))) {
    const why = `${keysPath} is missing, and without it the secrets in the store are lost; restore it from its backup`
    throw new CodedError('ServiceUnavailable', `cannot open the store: because ${why}`)
  }
  const ring = found ?? (await KeyRing.create(keysPath, clock))
  // What keys of before have sealed may be in the history still, in the deletions.
  if (!found && store.revision > 0) await store.forgetHistory()
  const sealed = new SealedStore({ store, ring, prefix, log })
  if (ring.hasOthers) {
    await sealed.finishRotation().catch(error => {
      log.warn('the rotation of the secrets key is still not finished', { reason: messageOf(error) })
    })
  }
  if (store.revision - ring.current.sinceRevision > commitsPerKey)
    log.warn('the secrets key has sealed much: rotate it', { key: ring.current.id, since: ring.current.created })
  return sealed
}

async function isInUse(store: Store, prefix: string): Promise<boolean> {
  return (await store.list(prefix, { limit: 1 })).entries.length > 0
}

interface Parts {
  store: Store
  ring: KeyRing
  prefix: string
  log: Log
}

export class SealedStore implements Store {
  #parts: Parts
  /** Commits of sealed values that the engine has not answered. */
  #underWay = new Set<Promise<unknown>>()
  #rotating: Promise<number> | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get revision(): number {
    return this.#parts.store.revision
  }

  get epoch(): number {
    return this.#parts.store.epoch
  }

  async get(key: string): Promise<Entry | undefined> {
    const entry = await this.#parts.store.get(key)
    return entry && this.#openEntry(entry)
  }

  async list(prefix: string, options?: ListOptions): Promise<Page> {
    const page = await this.#parts.store.list(prefix, options)
    return { ...page, entries: page.entries.map(entry => this.#openEntry(entry)) }
  }

  watch(prefix: string, fromRevision: number): Watch {
    const watch = this.#parts.store.watch(prefix, fromRevision)
    const opened = this.#openEach(watch)
    return { close: () => watch.close(), [Symbol.asyncIterator]: () => opened }
  }

  async commit(operations: Operation[], options?: CommitOptions): Promise<number> {
    // Before anything is waited for: what the caller does to its objects later must not matter, and the key is that of now.
    const sealed = operations.map(operation => this.#sealOperation(operation))
    const commit = this.#parts.store.commit(sealed, options)
    if (operations.some(({ key }) => this.#isSealed(key))) {
      this.#underWay.add(commit)
      const done = (): boolean => this.#underWay.delete(commit)
      commit.then(done, done)
    }
    return await commit
  }

  forgetHistory(): Promise<void> {
    return this.#parts.store.forgetHistory()
  }

  close(): Promise<void> {
    return this.#parts.store.close()
  }

  /**
   * From now on there is a new key; resolves to how many secrets were sealed anew, when nothing is left that the old one could
   * open. When it fails or the process dies meanwhile, both keys stay, and the next call or start goes on.
   */
  rotateSecretsKey(): Promise<number> {
    this.#rotating ??= this.#rotate().finally(() => {
      this.#rotating = undefined
    })
    return this.#rotating
  }

  async #rotate(): Promise<number> {
    const { ring } = this.#parts
    // Not a third key on top of two: a rotation that fails again and again would leave one more each time.
    if (ring.hasOthers) await this.finishRotation()
    await ring.add(this.revision)
    return this.finishRotation()
  }

  /** Each step may be done again. The old key goes last, when neither objects nor history need it. */
  async finishRotation(): Promise<number> {
    const { store, ring, prefix, log } = this.#parts
    await Promise.allSettled([...this.#underWay])
    const count = await resealAll({ store, prefix, reseal: entry => this.#reseal(entry) })
    await store.forgetHistory()
    await ring.dropOthers()
    log.info('all secrets are sealed with a new key', { key: ring.current.id, count })
    return count
  }

  #reseal({ key, value }: Entry): object | undefined {
    const { current } = this.#parts.ring
    if (asSealed(value)?.sealed.key === current.id) return undefined
    return sealValue(current, key, this.#open(key, value))
  }

  #sealOperation(operation: Operation): Operation {
    if (operation.type !== 'put' || !this.#isSealed(operation.key)) return operation
    return { ...operation, value: sealValue(this.#parts.ring.current, operation.key, operation.value) }
  }

  #openEntry(entry: Entry): Entry {
    return this.#isSealed(entry.key) ? { ...entry, value: this.#open(entry.key, entry.value) } : entry
  }

  async *#openEach(events: AsyncIterable<StoreEvent>): AsyncGenerator<StoreEvent> {
    for await (const event of events) yield this.#isSealed(event.key) ? this.#openEvent(event) : event
  }

  #openEvent(event: StoreEvent): StoreEvent {
    const { key, previous } = event
    const before = previous === undefined ? {} : { previous: this.#open(key, previous) }
    if (event.type === 'put') return { ...event, value: this.#open(key, event.value), ...before }
    return { ...event, previous: this.#open(key, previous) }
  }

  #open(key: string, value: unknown): object {
    const sealed = asSealed(value)
    // Whoever can write to the disk but has no key could have put it there.
    if (!sealed) throw unreadable(key, 'it is not encrypted, and this master never wrote it so; restore a backup')
    const { ring } = this.#parts
    const found = ring.find(sealed.sealed.key)
    if (found) return openValue(found, key, sealed)
    const why = `it is encrypted with the key ${sealed.sealed.key}, which is not in ${ring.path}`
    throw unreadable(key, `${why}; restore that file from the backup that belongs to this store`)
  }

  #isSealed(key: string): boolean {
    return key.startsWith(this.#parts.prefix)
  }
}
