/**
 * The Store port: the cluster's state under one revision counter.
 *
 * Keys are `<plural>[.<group>]/[<namespace>/]<name>` (see keys.ts); values are JSON objects. Every commit is atomic and
 * gets the next revision, which all objects that it put carry. Engines pass `test/master/store/conformance.ts`.
 */

export interface Entry<T = unknown> {
  key: string
  value: T
  /** Revision of the commit that last put it. */
  revision: number
}

export interface Page<T = unknown> {
  /** The store's revision that the page shows: watch from here. */
  revision: number
  entries: Entry<T>[]
  /** Pass as `after` to go on; absent on the last page. */
  next?: string
}

export interface ListOptions {
  /** Entries in a page; 0 or absent: all of them. */
  limit?: number
  /** List keys that follow this one. */
  after?: string
}

export type StoreEvent = PutEvent | DeleteEvent

export interface PutEvent {
  type: 'put'
  key: string
  revision: number
  value: unknown
  /** Absent when the key is new, or not known. */
  previous?: unknown
  /** True when another event of the same commit follows: what is seen so far is half of it. */
  more?: boolean
}

export interface DeleteEvent {
  type: 'delete'
  key: string
  revision: number
  /** The value that was deleted. */
  previous: unknown
  more?: boolean
}

/** `expected`: the revision that the key must have now; 0: it must not exist. */
export type Operation =
  | { type: 'put'; key: string; value: object; expected?: number }
  | { type: 'delete'; key: string; expected?: number }
  /** Changes nothing; the commit fails unless the key has this revision. */
  | { type: 'check'; key: string; expected: number }

export interface CommitOptions {
  /**
   * Default true: on the disk (fsync) before the promise resolves. False is for observed state that the agents can
   * report again: it is visible at once, and durable with the next durable commit or the next flush.
   */
  durable?: boolean
}

export interface Watch extends AsyncIterable<StoreEvent> {
  /** Ends the iteration. Idempotent. */
  close(): void
}

export interface Store {
  /** Revision of the last commit. */
  readonly revision: number
  /**
   * Grows each time a master opens the store. It outweighs all counters that start anew with a process, so that a board's
   * clock, which may have gone back, decides nothing.
   */
  readonly epoch: number
  get(key: string): Promise<Entry | undefined>
  /** Entries whose key starts with `prefix`, in key order. */
  list(prefix: string, options?: ListOptions): Promise<Page>
  /**
   * Each change after `fromRevision` to keys that start with `prefix`, in order. A watcher that starts in the past may get
   * only the last change of a key. Iterating throws `Expired` when `fromRevision` was compacted, or when the watcher
   * fell more than the limit behind: list anew.
   */
  watch(prefix: string, fromRevision: number): Watch
  /** All or nothing. Rejects with `Conflict`, naming the key, when an expected revision does not hold. Resolves to the revision. */
  commit(operations: Operation[], options?: CommitOptions): Promise<number>
  /**
   * Forgets all changes up to now, on the disk too, with the values that were overwritten or deleted, as far as the engine can.
   * Open watches go on; a new one that would resume from before has expired.
   */
  forgetHistory(): Promise<void>
  /** Ends all watches, flushes and lets go of the disk. Idempotent. */
  close(): Promise<void>
}
