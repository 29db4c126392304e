/** The Store that forgets: the fake that ships with the port, for tests and for whatever needs no disk. */
import { CodedError } from '../../kit/errors.ts'
import type { CommitOptions, Entry, ListOptions, Operation, Page, Store, StoreEvent, Watch } from './store.ts'
import { planCommit, prepareSteps, type Step } from './transaction.ts'
import { expired, WatchHub } from './watch-hub.ts'

export interface MemoryStoreOptions {
  /** Revisions that a watch can resume from. */
  logRevisions?: number
  /** Events that wait for one watcher at most. */
  watchBacklog?: number
  epoch?: number
}

export class MemoryStore implements Store {
  readonly epoch: number
  #logRevisions: number
  #hub: WatchHub
  #entries = new Map<string, { revision: number; text: string }>()
  #log: StoreEvent[][] = []
  #revision = 0
  #compacted = 0
  #closed = false

  constructor(options: MemoryStoreOptions = {}) {
    this.epoch = options.epoch ?? 1
    this.#logRevisions = options.logRevisions ?? 5000
    this.#hub = new WatchHub(options.watchBacklog ?? 10_000)
  }

  get revision(): number {
    return this.#revision
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#checkOpen()
    return this.#find(key)
  }

  async list(prefix: string, options: ListOptions = {}): Promise<Page> {
    this.#checkOpen()
    const { limit, after } = options
    const isLater = (key: string): boolean => after === undefined || byBytes(key, after) > 0
    const keys = [...this.#entries.keys()].filter(key => key.startsWith(prefix) && isLater(key)).sort(byBytes)
    const chosen = keys.slice(0, limit || keys.length)
    const entries = chosen.map(key => this.#find(key)).filter(entry => entry !== undefined)
    const next = keys.length > chosen.length ? chosen.at(-1) : undefined
    return { revision: this.#revision, entries, ...(next !== undefined && { next }) }
  }

  watch(prefix: string, fromRevision: number): Watch {
    const until = this.#revision
    const replay = (): AsyncIterable<StoreEvent[]> => this.#replay(prefix, fromRevision, until)
    const watch = this.#hub.open({ prefix, from: fromRevision, ...(fromRevision !== until && { replay }) })
    if (this.#closed) watch.close()
    return watch
  }

  async commit(operations: Operation[], _options?: CommitOptions): Promise<number> {
    this.#checkOpen()
    const steps = prepareSteps(operations)
    const events = planCommit(steps, this.#revision + 1, key => this.#find(key))
    if (events.length === 0) return this.#revision
    this.#revision += 1
    for (const step of steps) this.#apply(step)
    this.#log.push(events)
    if (this.#log.length > this.#logRevisions) {
      this.#log.shift()
      this.#compacted += 1
    }
    this.#hub.publish(events)
    return this.#revision
  }

  async forgetHistory(): Promise<void> {
    this.#checkOpen()
    this.#log = []
    this.#compacted = this.#revision
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#hub.close()
  }

  #apply(step: Step): void {
    if (step.type === 'put') this.#entries.set(step.key, { revision: this.#revision, text: step.text ?? '' })
    else if (step.type === 'delete') this.#entries.delete(step.key)
  }

  #find(key: string): Entry | undefined {
    const stored = this.#entries.get(key)
    return stored && { key, value: JSON.parse(stored.text), revision: stored.revision }
  }

  async *#replay(prefix: string, from: number, until: number): AsyncGenerator<StoreEvent[]> {
    if (from > until) throw expired(prefix, from, `the store is at ${until} only`)
    if (from < this.#compacted) throw expired(prefix, from, `changes up to ${this.#compacted} are forgotten`)
    yield* this.#log.slice(from - this.#compacted, until - this.#compacted)
  }

  #checkOpen(): void {
    if (this.#closed) throw new CodedError('ServiceUnavailable', 'cannot use the store: because it is closed')
  }
}

/** LevelDB's order: bytes of UTF-8, not code units of UTF-16. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
