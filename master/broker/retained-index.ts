/**
 * What the embedded broker remembers: retained messages in a tree of topic levels, the rest as the stock in-memory
 * persistence has it. The stock one compares each subscription with every retained topic: 12 to 29 ms at 10 000 topics.
 */
import { Readable } from 'node:stream'
import aedesPersistence from 'aedes-persistence'
import { TopicTrie } from './topic-trie.ts'

export interface RetainedLimits {
  maxRetainedMessages: number
  maxRetainedBytes: number
}

interface Retained {
  cmd: 'publish'
  topic: string
  payload: Buffer
  qos: number
}

export class RetainedIndex {
  #limits: RetainedLimits
  #onRefused: (topic: string) => void
  #trie = new TopicTrie<Retained>()
  #bytes = 0

  constructor(limits: RetainedLimits, onRefused: (topic: string) => void) {
    this.#limits = limits
    this.#onRefused = onRefused
  }

  get messages(): number {
    return this.#trie.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Branches of the tree visited by all lookups so far. */
  get visited(): number {
    return this.#trie.visited
  }

  store(topic: string, payload: Buffer, qos: number): void {
    const before = this.#trie.get(topic)
    if (payload.length === 0) {
      if (before) this.#remove(before)
      return
    }
    const bytes = this.#bytes + payload.length + (before ? -before.payload.length : topic.length)
    if (bytes > this.#limits.maxRetainedBytes || (!before && this.#trie.size >= this.#limits.maxRetainedMessages)) {
      // MQTT 3.1.1 cannot refuse a message; it is delivered and not kept. An older one would now be a lie.
      if (before) this.#remove(before)
      this.#onRefused(topic)
      return
    }
    this.#bytes = bytes
    // A copy: the payload is a view into a larger read buffer, which it would keep from being freed.
    const kept = Buffer.from(payload)
    if (before) Object.assign(before, { payload: kept, qos })
    else this.#trie.set(topic, { cmd: 'publish', topic, payload: kept, qos })
  }

  /**
   * Entries are changed in place, and aedes reads an entry just before it sends it: so a subscriber that is being sent
   * the retained messages never gets an older one after the live message that replaced it.
   */
  match(filters: string[]): Readable {
    return Readable.from(this.#matchAll(filters))
  }

  *#matchAll(filters: string[]): Generator<Retained> {
    for (const filter of filters) yield* this.#trie.match(filter)
  }

  #remove(entry: Retained): void {
    this.#bytes -= entry.payload.length + entry.topic.length
    this.#trie.delete(entry.topic)
    entry.payload = Buffer.alloc(0)
  }
}

/** Its types declare an ES module, but it is CommonJS: what is imported is the function itself. */
const memoryPersistence = aedesPersistence as unknown as () => object

type PublishedPacket = Pick<Retained, 'topic' | 'qos'> & { payload: string | Buffer }

/** The persistence that aedes takes, with `index` for its retained messages. */
export function persistenceWith(index: RetainedIndex): object {
  return Object.assign(memoryPersistence(), {
    storeRetained: async (packet: PublishedPacket) => index.store(packet.topic, toBuffer(packet.payload), packet.qos),
    createRetainedStream: (filter: string) => index.match([filter]),
    createRetainedStreamCombi: (filters: string[]) => index.match(filters),
  })
}

function toBuffer(payload: string | Buffer): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload) : payload
}
