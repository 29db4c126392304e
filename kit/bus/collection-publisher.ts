/** Publishes a retained collection: documents first, then the index that names them, then the removal of the old ones. */
import type { Log } from '../log.ts'
import { BadMessages, decodeJson } from './bad-messages.ts'
import type { Bus, Message, Unsubscribe } from './bus.ts'
import {
  type CollectionIndex,
  canonicalJson,
  contentHash,
  documentTopic,
  hashDocuments,
  hashOfHashes,
  hashOfTopic,
  indexTopic,
  maxDocuments,
  readIndex,
} from './collection.ts'

export interface CollectionPublisherOptions {
  bus: Bus
  prefix: string
  epoch: number
  log: Log
  /** Generations go on after this one. A restarted master gives a number at least as large as any it has used in the epoch. */
  generation?: number
  badMessages?: BadMessages
  /** Largest index read back from the broker. Default 4 MiB. */
  maxIndexBytes?: number
}

export class CollectionPublisher {
  #options: CollectionPublisherOptions
  #bad: BadMessages
  #generation: number
  /** What the newest `publish` wants. */
  #documents = new Map<string, unknown>()
  /** What the index at the broker says, as far as we know; undefined before the first, and when it may be lost. */
  #publishedHash: string | undefined
  /** Documents that the broker may hold, by hash; true when it surely does. */
  #held = new Map<string, boolean>()
  #wanted = false
  #running: Promise<void> | undefined
  #undo: Unsubscribe[] = []

  constructor(options: CollectionPublisherOptions) {
    this.#options = options
    this.#bad = options.badMessages ?? new BadMessages(options.log)
    this.#generation = options.generation ?? 0
  }

  /** Of the newest index that was published. */
  get generation(): number {
    return this.#generation
  }

  /**
   * Learns what an earlier process left at the broker, so that it goes on after its generation and removes its documents.
   * The retained messages may come at any later time; `settle` ends the listening.
   */
  async start(): Promise<void> {
    const { bus, prefix } = this.#options
    this.#undo.push(await bus.subscribe(indexTopic(prefix), message => this.#learnIndex(message)))
    this.#undo.push(await bus.subscribe(documentTopic(prefix, '+'), message => this.#learnDocument(message)))
  }

  /** Stops listening for leftovers, and removes those that were found. Call it some seconds after `start`. */
  async settle(): Promise<void> {
    this.stop()
    if (this.#publishedHash !== undefined) await this.#run()
  }

  stop(): void {
    for (const undo of this.#undo.splice(0)) undo()
  }

  /**
   * Makes the collection exactly this; sends nothing when it is so already. Of calls that come while one is under way
   * only the last counts, and all resolve with it. The documents must not be changed afterwards.
   * Rejects with `ServiceUnavailable` when not connected: then call `republish` after the next connection.
   */
  publish(documents: Map<string, unknown>): Promise<void> {
    if (documents.size > maxDocuments) {
      return Promise.reject(
        new RangeError(`cannot publish ${documents.size} documents: because the limit is ${maxDocuments}`),
      )
    }
    this.#documents = documents
    return this.#run()
  }

  /** Sends everything anew, for a broker that may have forgotten what it retained. */
  republish(): Promise<void> {
    for (const hash of this.#held.keys()) this.#held.set(hash, false)
    this.#publishedHash = undefined
    return this.#run()
  }

  /** Removes the collection from the broker: its owner is gone for good. */
  async remove(): Promise<void> {
    this.stop()
    await this.#running?.catch(() => undefined) // Whoever asked for that run has its error.
    await this.#clear(indexTopic(this.#options.prefix))
    this.#publishedHash = undefined
    for (const hash of this.#held.keys()) await this.#forget(hash)
  }

  #run(): Promise<void> {
    this.#wanted = true
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #drain(): Promise<void> {
    while (this.#wanted) {
      this.#wanted = false
      await this.#publishOnce(this.#documents)
    }
  }

  async #publishOnce(documents: Map<string, unknown>): Promise<void> {
    const hashes = hashDocuments(documents)
    const named = new Set(hashes.values())
    for (const [name, hash] of hashes) {
      if (!this.#held.get(hash)) await this.#retainDocument(hash, canonicalJson(documents.get(name)))
    }
    const hash = hashOfHashes(hashes)
    if (hash !== this.#publishedHash) await this.#retainIndex(hashes, hash)
    for (const held of this.#held.keys()) if (!named.has(held)) await this.#forget(held)
  }

  async #retainDocument(hash: string, content: string): Promise<void> {
    // Noted before: a publication that fails may have reached the broker all the same, and is to be removed one day.
    this.#held.set(hash, false)
    await this.#options.bus.publish(documentTopic(this.#options.prefix, hash), content, { retain: true })
    this.#held.set(hash, true)
  }

  async #retainIndex(hashes: Map<string, string>, hash: string): Promise<void> {
    const { bus, prefix, epoch } = this.#options
    const generation = this.#generation + 1
    const index: CollectionIndex = { epoch, generation, documents: Object.fromEntries(hashes), hash }
    // Counted even if the publication fails: it may have reached the broker all the same.
    this.#generation = generation
    await bus.publish(indexTopic(prefix), JSON.stringify(index), { retain: true })
    this.#publishedHash = hash
  }

  async #forget(hash: string): Promise<void> {
    await this.#clear(documentTopic(this.#options.prefix, hash))
    this.#held.delete(hash)
  }

  #clear(topic: string): Promise<void> {
    return this.#options.bus.publish(topic, '', { retain: true })
  }

  #learnIndex(message: Message): void {
    if (!message.retained || message.payload.length === 0) return
    this.#bad.guard('collection index', message, () => {
      const found = readIndex(decodeJson(message, this.#options.maxIndexBytes ?? 4 * 1024 * 1024))
      const { epoch, log, prefix } = this.#options
      if (found.epoch > epoch)
        log.warn('a newer epoch has published this collection', { prefix, epoch, found: found.epoch })
      if (found.epoch !== epoch || found.generation < this.#generation) return
      // An index of an earlier process, newer than what we have sent: ours must be newer still.
      const ownIsThere = found.generation === this.#generation && found.hash === this.#publishedHash
      this.#generation = found.generation
      if (ownIsThere || this.#publishedHash === undefined) return
      this.#publishedHash = undefined
      this.#run().catch(error => log.warn('cannot publish after an earlier process', { prefix, error }))
    })
  }

  #learnDocument(message: Message): void {
    const hash = hashOfTopic(message.topic)
    const intact = message.payload.length > 0 && contentHash(message.payload) === hash
    if (message.retained && intact) this.#held.set(hash, true)
  }
}
