/** Reads a retained collection: fetches only the documents that it lacks, and reports a state only when it is whole. */

import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { BadMessages, decodeJson } from './bad-messages.ts'
import type { Bus, Message, Unsubscribe } from './bus.ts'
import {
  contentHash,
  documentTopic,
  hashDocuments,
  hashOfHashes,
  hashOfTopic,
  indexTopic,
  isNewer,
  readIndex,
  type Snapshot,
} from './collection.ts'

export interface CollectionSubscriberOptions {
  bus: Bus
  prefix: string
  log: Log
  /** Called with each whole state that is newer than the one before, also when only its generation is. */
  onComplete: (snapshot: Snapshot) => void
  /** What was read by an earlier process: nothing older is reported, and its documents are not fetched again. */
  initial?: Snapshot
  badMessages?: BadMessages
  /** Largest index or document. Default 4 MiB. */
  maxBytes?: number
}

/** Up to so many missing documents are asked for by name; beyond it, all are, which costs the broker one subscription. */
const maxNamedFetches = 50

interface Candidate {
  epoch: number
  generation: number
  hash: string
  hashes: Map<string, string>
}

export class CollectionSubscriber {
  #options: CollectionSubscriberOptions
  #bad: BadMessages
  /** The newest index seen, whole or not. */
  #candidate: Candidate | undefined
  #complete = false
  /** Contents by hash: of the last whole state, and of what has come for the candidate. */
  #contents = new Map<string, unknown>()
  /** The documents of the last whole state: kept while a newer one is being fetched. */
  #reported = new Set<string>()
  #missing = new Set<string>()
  #ignoredOlder = 0
  #undo: Unsubscribe[] = []
  /** Subscriptions to missing documents, by topic or wildcard. */
  #fetches = new Map<string, Promise<Unsubscribe>>()

  constructor(options: CollectionSubscriberOptions) {
    this.#options = options
    this.#bad = options.badMessages ?? new BadMessages(options.log)
    if (!options.initial) return
    const { epoch, generation, documents } = options.initial
    const hashes = hashDocuments(documents)
    // Hashed anew: if the cache is damaged, the same index counts as a change.
    this.#candidate = { epoch, generation, hash: hashOfHashes(hashes), hashes }
    this.#complete = true
    this.#reported = new Set(hashes.values())
    for (const [name, digest] of hashes) this.#contents.set(digest, documents.get(name))
  }

  /** Indexes that came and were older than one already seen: an old master still talks. */
  get ignoredOlder(): number {
    return this.#ignoredOlder
  }

  /** Documents that the newest index names and that have not come yet. */
  get missing(): number {
    return this.#missing.size
  }

  async start(): Promise<void> {
    const { bus, prefix } = this.#options
    this.#undo.push(await bus.subscribe(indexTopic(prefix), message => this.#receiveIndex(message)))
  }

  stop(): void {
    for (const undo of this.#undo.splice(0)) undo()
    this.#missing.clear()
    this.#endFetches()
  }

  #receiveIndex(message: Message): void {
    // The collection was removed. What we know stays valid until somebody publishes anew.
    if (message.payload.length === 0) return
    this.#bad.guard('collection index', message, () => {
      const { hashes, ...index } = readIndex(decodeJson(message, this.#maxBytes))
      const seen = this.#candidate
      if (seen && isNewer(seen, index)) {
        this.#ignoredOlder++
        return
      }
      // The same again, as after each reconnection.
      if (seen && !isNewer(index, seen) && seen.hash === index.hash) return
      this.#candidate = { ...index, hashes }
      this.#complete = false
      const named = this.#prune(hashes)
      this.#missing = new Set([...named].filter(hash => !this.#contents.has(hash)))
      // A document may have passed by under the wildcard before anybody missed it: ask again.
      this.#endFetch(documentTopic(this.#options.prefix, '+'))
      this.#progress()
    })
  }

  #receiveDocument(message: Message): void {
    const hash = hashOfTopic(message.topic)
    // Removed, or not (any more) what the newest index names.
    if (message.payload.length === 0 || !this.#missing.has(hash)) return
    this.#bad.guard('collection document', message, () => {
      const content = decodeJson(message, this.#maxBytes)
      if (contentHash(message.payload) !== hash) throw new Error('its content does not fit its hash')
      this.#contents.set(hash, content)
      this.#missing.delete(hash)
      this.#progress()
    })
  }

  #progress(): void {
    if (this.#missing.size > 0) {
      this.#fetch()
      return
    }
    this.#endFetches()
    const candidate = this.#candidate
    if (!candidate || this.#complete) return
    this.#complete = true
    const { hashes, ...state } = candidate
    const documents = new Map([...hashes].map(([name, hash]) => [name, this.#contents.get(hash)]))
    this.#reported = new Set(hashes.values())
    this.#prune(hashes)
    this.#report({ ...state, documents })
  }

  /** Forgets contents that neither `hashes` nor the last whole state names. Returns what `hashes` names. */
  #prune(hashes: Map<string, string>): Set<string> {
    const named = new Set(hashes.values())
    for (const hash of this.#contents.keys()) {
      if (!named.has(hash) && !this.#reported.has(hash)) this.#contents.delete(hash)
    }
    return named
  }

  #report(snapshot: Snapshot): void {
    const { prefix, log, onComplete } = this.#options
    try {
      onComplete(snapshot)
    } catch (error) {
      log.error('the receiver of a collection failed', { prefix, error })
    }
  }

  /**
   * A subscription brings a document that the broker has, and one that it gets only later: an index may come before its
   * documents when the broker was restarted in between.
   */
  #fetch(): void {
    const { prefix } = this.#options
    const all = documentTopic(prefix, '+')
    const wanted =
      this.#missing.size > maxNamedFetches || this.#fetches.has(all)
        ? [all]
        : [...this.#missing].map(hash => documentTopic(prefix, hash))
    this.#endFetches(new Set(wanted))
    for (const filter of wanted) if (!this.#fetches.has(filter)) this.#fetches.set(filter, this.#subscribe(filter))
  }

  async #subscribe(filter: string): Promise<Unsubscribe> {
    const { bus, log } = this.#options
    try {
      return await bus.subscribe(filter, message => this.#receiveDocument(message))
    } catch (error) {
      log.warn('cannot fetch documents', { filter, reason: messageOf(error) })
      return () => undefined
    }
  }

  #endFetches(keep: Set<string> = new Set()): void {
    for (const filter of this.#fetches.keys()) if (!keep.has(filter)) this.#endFetch(filter)
  }

  #endFetch(filter: string): void {
    const subscribed = this.#fetches.get(filter)
    this.#fetches.delete(filter)
    void subscribed?.then(unsubscribe => unsubscribe())
  }

  get #maxBytes(): number {
    return this.#options.maxBytes ?? 4 * 1024 * 1024
  }
}
