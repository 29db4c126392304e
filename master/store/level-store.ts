/** The Store on LevelDB: nothing is acknowledged before it is on the disk, and all who commit at once share one fsync. */
import type { Cancel, Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { ChangeLog } from './change-log.ts'
import { type GroupPlan, type PendingCommit, planGroup } from './commit-group.ts'
import { GroupQueue } from './group-queue.ts'
import { LevelDatabase, type Write } from './level-database.ts'
import { afterAll, objectPrefix, type State, type Stored, stateKey } from './level-layout.ts'
import { openLayout } from './open-layout.ts'
import type { CommitOptions, Entry, ListOptions, Operation, Page, Store, StoreEvent, Watch } from './store.ts'
import { prepareSteps, type Step } from './transaction.ts'
import { WatchHub } from './watch-hub.ts'

export interface LevelStoreOptions {
  directory: string
  clock: Clock
  log: Log
  limits?: Partial<LevelStoreLimits>
  /** Called before each fsync: for the benchmark and the tests that count them. */
  onSync?: () => void
  /** Called once, when the disk refuses a write: nothing can be committed until the store is opened anew. */
  onFailure?: (error: unknown) => void
}

export interface LevelStoreLimits {
  /** Commits that share one write. */
  group: number
  /** Commits in line; more are refused. */
  waiting: number
  /** Commits that a watch can resume from. */
  logRevisions: number
  /** Events that wait for one watcher. */
  watchBacklog: number
  /** Revisions reserved with one fsync; so many are skipped at most after an unclean stop. */
  revisionBlock: number
  /** A commit that is not durable is on the disk after this long, ms. */
  flushMs: number
}

const defaults: LevelStoreLimits = {
  group: 256,
  waiting: 10_000,
  logRevisions: 5000,
  watchBacklog: 10_000,
  revisionBlock: 1000,
  flushMs: 10_000,
}

/** Rejects with `Conflict` when another process has the directory open. */
export async function openLevelStore(options: LevelStoreOptions): Promise<Store> {
  const database = await LevelDatabase.open(options.directory)
  try {
    const { state, recovered } = await openLayout(database)
    if (recovered) options.log.warn('the store was not closed cleanly', { revision: state.revision })
    const limits = { ...defaults, ...options.limits }
    const changeLog = await ChangeLog.open({ database, log: options.log, keep: limits.logRevisions })
    return new LevelStore({ ...options, limits, database, changeLog, state })
  } catch (error) {
    await database.close()
    throw error
  }
}

interface Parts extends LevelStoreOptions {
  limits: LevelStoreLimits
  database: LevelDatabase
  changeLog: ChangeLog
  state: State
}

class LevelStore implements Store {
  #parts: Parts
  #hub: WatchHub
  #queue: GroupQueue<PendingCommit>
  #state: State
  /** The last revision handed out, of a group that is still being written perhaps. */
  #issued: number
  #unsynced = false
  #cancelFlush: Cancel | undefined
  #failure: unknown
  #closing: Promise<void> | undefined

  constructor(parts: Parts) {
    const { limits, state } = parts
    this.#parts = parts
    this.#state = state
    this.#issued = state.revision
    this.#hub = new WatchHub(limits.watchBacklog)
    this.#queue = new GroupQueue({
      run: group => this.#runGroup(group),
      maxGroup: limits.group,
      maxWaiting: limits.waiting,
    })
  }

  get revision(): number {
    return this.#state.revision
  }

  get epoch(): number {
    return this.#state.epoch
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#checkOpen()
    const text = await this.#parts.database.get(objectPrefix + key)
    return text === undefined ? undefined : { key, ...decode(key, text) }
  }

  async list(prefix: string, { limit, after }: ListOptions = {}): Promise<Page> {
    this.#checkOpen()
    const { database } = this.#parts
    const snapshot = database.snapshot()
    try {
      const { revision } = JSON.parse((await database.get(stateKey, snapshot)) ?? '{}') as State
      const from =
        after !== undefined && after >= prefix ? { gt: objectPrefix + after } : { gte: objectPrefix + prefix }
      const range = { ...from, lt: objectPrefix + prefix + afterAll, ...(limit && { limit: limit + 1 }) }
      const entries: Entry[] = []
      for await (const [found, text] of database.entries(range, snapshot)) {
        const key = found.slice(objectPrefix.length)
        const last = entries.at(-1)
        if (last && entries.length === limit) return { revision, entries, next: last.key }
        entries.push({ key, ...decode(key, text) })
      }
      return { revision, entries }
    } finally {
      await snapshot.close()
    }
  }

  watch(prefix: string, fromRevision: number): Watch {
    const until = this.revision
    // A page may show a group that is on the disk but not announced yet: its revision is issued, and nothing is to be replayed.
    const past = fromRevision < until || fromRevision > this.#issued
    const replay = (): AsyncIterable<StoreEvent[]> =>
      this.#parts.changeLog.replay({ prefix, from: fromRevision, until })
    const watch = this.#hub.open({ prefix, from: fromRevision, ...(past && { replay }) })
    if (this.#closing) watch.close()
    return watch
  }

  async commit(operations: Operation[], options: CommitOptions = {}): Promise<number> {
    this.#checkOpen()
    return this.#enqueue(prepareSteps(operations), options.durable ?? true)
  }

  async forgetHistory(): Promise<void> {
    this.#checkOpen()
    await this.#parts.changeLog.forget(this.revision)
    await this.#parts.database.compact()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { database, changeLog } = this.#parts
    this.#hub.close()
    await this.#queue.idle()
    await changeLog.stop()
    const clean = !this.#unsynced && this.#state.ceiling === this.revision
    try {
      if (!clean && !this.#failure) await this.#write([putState({ ...this.#state, ceiling: this.revision })], true)
    } finally {
      this.#cancelFlush?.()
      await database.close()
    }
  }

  #enqueue(steps: Step[], durable: boolean): Promise<number> {
    return new Promise((resolve, reject) => this.#queue.add({ steps, durable, resolve, reject }))
  }

  async #runGroup(group: PendingCommit[]): Promise<void> {
    try {
      const stored = await this.#read(group.flatMap(pending => pending.steps.map(step => step.key)))
      const plan = planGroup(group, { issued: this.#issued, committed: this.revision, stored })
      const durable = group.some(pending => pending.durable)
      if (plan.commits.length > 0 || (durable && this.#unsynced)) await this.#commitPlan(plan, durable)
      for (const settle of plan.settle) settle()
    } catch (error) {
      for (const pending of group) pending.reject(error)
    }
  }

  async #commitPlan({ revision, writes, commits }: GroupPlan, durable: boolean): Promise<void> {
    this.#issued = revision
    const raise = revision > this.#state.ceiling
    const ceiling = raise ? revision + this.#parts.limits.revisionBlock : this.#state.ceiling
    const last = commits.length > 0 ? revision : this.revision
    const state = { ...this.#state, revision: last, ceiling }
    await this.#write([...writes, putState(state)], durable || raise)
    this.#state = state
    for (const events of commits) this.#hub.publish(events)
    this.#parts.changeLog.grew(commits.length)
  }

  async #write(writes: Write[], sync: boolean): Promise<void> {
    if (this.#failure) throw this.#failure
    if (sync) this.#parts.onSync?.()
    try {
      await this.#parts.database.write(writes, { sync })
    } catch (error) {
      this.#fail(error)
      throw error
    }
    this.#unsynced = !sync
    if (sync) this.#cancelFlush?.()
    if (sync) this.#cancelFlush = undefined
    // Not put off by later commits: the oldest of them decides when.
    else this.#cancelFlush ??= this.#flushLater()
  }

  /**
   * LevelDB goes on after a failed write, behind a torn record of its log, and drops at the next opening what follows the tear.
   * So nothing more is acknowledged: opening the directory anew makes a new log.
   */
  #fail(error: unknown): void {
    this.#failure = error
    this.#parts.log.error('the store takes no more changes until it is opened anew', { error })
    this.#parts.onFailure?.(error)
  }

  #flushLater(): Cancel {
    const { clock, limits, log } = this.#parts
    return clock.after(limits.flushMs, () => {
      this.#cancelFlush = undefined
      if (!this.#closing) this.#enqueue([], true).catch(error => log.error('cannot flush the store', { error }))
    })
  }

  async #read(keys: string[]): Promise<Map<string, Stored | undefined>> {
    const texts = await this.#parts.database.getMany(keys.map(key => objectPrefix + key))
    return new Map(keys.map((key, index) => [key, texts[index] === undefined ? undefined : decode(key, texts[index])]))
  }

  #checkOpen(): void {
    if (this.#closing) throw new CodedError('ServiceUnavailable', 'cannot use the store: because it is closed')
  }
}

function putState(state: State): Write {
  return { type: 'put', key: stateKey, value: JSON.stringify(state) }
}

function decode(key: string, text: string): Stored {
  try {
    return JSON.parse(text) as Stored
  } catch (error) {
    throw new CodedError('ServiceUnavailable', `cannot read ${key}: because its record in the store is damaged`, {
      cause: error,
    })
  }
}
