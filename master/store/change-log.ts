/** What changed at each revision, on disk, so that a watch can resume; only the newest commits are kept. */
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { LevelDatabase } from './level-database.ts'
import {
  afterAll,
  compactedKey,
  type LoggedChange,
  type LogRecord,
  logKey,
  logPrefix,
  objectPrefix,
  revisionOfLogKey,
  type Stored,
} from './level-layout.ts'
import type { StoreEvent } from './store.ts'
import { expired } from './watch-hub.ts'

/** Records removed in one write: small, so that commits need not wait long behind it. */
const compactionBatch = 500

interface Parts {
  database: LevelDatabase
  log: Log
  /** How many commits are remembered at least; a quarter more at most. */
  keep: number
  count: number
  compacted: number
}

export class ChangeLog {
  #parts: Parts
  #count: number
  /** Changes up to here are forgotten. */
  #compacted: number
  #compaction: Promise<void> | undefined

  private constructor(parts: Parts) {
    this.#parts = parts
    this.#count = parts.count
    this.#compacted = parts.compacted
  }

  static async open(parts: { database: LevelDatabase; log: Log; keep: number }): Promise<ChangeLog> {
    const records = await parts.database.keys({ gte: logPrefix, lt: logPrefix + afterAll })
    const compacted = Number((await parts.database.get(compactedKey)) ?? 0)
    return new ChangeLog({ ...parts, count: records.length, compacted })
  }

  /** The changes after `from`, up to and including `until`, one array a commit. Throws `Expired` when some are not known. */
  async *replay(range: { prefix: string; from: number; until: number }): AsyncGenerator<StoreEvent[]> {
    const { prefix, from, until } = range
    if (from > until) throw expired(prefix, from, `the store is at ${until} only`)
    if (from < this.#compacted) throw expired(prefix, from, `changes up to ${this.#compacted} are forgotten`)
    // Nothing comes between the check and this: what is read is as it was then, whatever is compacted meanwhile.
    const records = this.#parts.database.entries({ gt: logKey(from), lte: logKey(until) })
    for await (const [key, text] of records) {
      const revision = revisionOfLogKey(key)
      const record = JSON.parse(text) as LogRecord
      if ('changes' in record) yield await this.#events(record.changes, revision, prefix)
      else if (from > record.gapSince) throw expired(prefix, from, 'the master was not stopped cleanly since')
    }
  }

  /** Tells that so many commits were added. */
  grew(commits: number): void {
    this.#count += commits
    if (this.#count > this.#parts.keep * 1.25) this.#compaction ??= this.#compact()
  }

  /** Forgets all up to `revision`; on the disk when it resolves. */
  async forget(revision: number): Promise<void> {
    while (this.#compaction) await this.#compaction
    const work = this.#forget(revision).finally(() => {
      this.#compaction = undefined
    })
    this.#compaction = work.catch(() => undefined) // Whoever asked has the error.
    await work
  }

  /** Resolves when no compaction is under way. */
  async stop(): Promise<void> {
    await this.#compaction
  }

  /** A put is left out when its key was written or deleted again: that change follows. */
  async #events(changes: LoggedChange[], revision: number, prefix: string): Promise<StoreEvent[]> {
    const wanted = changes.filter(change => ('put' in change ? change.put : change.delete).startsWith(prefix))
    const puts = wanted.flatMap(change => ('put' in change ? [change.put] : []))
    const texts = await this.#parts.database.getMany(puts.map(key => objectPrefix + key))
    const values = new Map(puts.map((key, index) => [key, texts[index]]))
    return wanted.flatMap((change): StoreEvent[] => {
      if ('delete' in change) return [{ type: 'delete', key: change.delete, revision, previous: change.previous }]
      const text = values.get(change.put)
      const stored = text === undefined ? undefined : (JSON.parse(text) as Stored)
      return stored?.revision === revision ? [{ type: 'put', key: change.put, revision, value: stored.value }] : []
    })
  }

  async #compact(): Promise<void> {
    const { database, log, keep } = this.#parts
    try {
      while (this.#count > keep) {
        const limit = Math.min(compactionBatch, this.#count - keep)
        const keys = await database.keys({ gte: logPrefix, lt: logPrefix + afterAll, limit })
        const last = keys.at(-1)
        if (last === undefined) break
        await this.#remove(keys, { upTo: revisionOfLogKey(last), sync: false })
      }
    } catch (error) {
      log.warn('cannot compact the change log', { error: messageOf(error) })
    }
    this.#compaction = undefined
  }

  async #forget(revision: number): Promise<void> {
    const range = { gte: logPrefix, lte: logKey(revision), limit: compactionBatch }
    for (;;) {
      const keys = await this.#parts.database.keys(range)
      const isLast = keys.length < compactionBatch
      await this.#remove(keys, { upTo: revision, sync: isLast })
      if (isLast) return
    }
  }

  async #remove(keys: string[], { upTo, sync }: { upTo: number; sync: boolean }): Promise<void> {
    // Raised before anything is removed: a replay that begins now must not believe in what is about to go.
    this.#compacted = Math.max(this.#compacted, upTo)
    const removals = keys.map(key => ({ type: 'del' as const, key }))
    const mark = { type: 'put' as const, key: compactedKey, value: String(this.#compacted) }
    await this.#parts.database.write([...removals, mark], { sync })
    this.#count -= keys.length
  }
}
