/** Takes in the node's wish and the network table: from disk at start, from the master when it speaks; the newest wins. */
import type { Topics } from '../../contract/wire/topics.ts'
import type { BadMessages } from '../../kit/bus/bad-messages.ts'
import type { Bus } from '../../kit/bus/bus.ts'
import type { Snapshot } from '../../kit/bus/collection.ts'
import { CollectionSubscriber } from '../../kit/bus/collection-subscriber.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import { type BoardWish, type NetworkTable, readBoardWish, readNetworkTable } from './desired.ts'
import { DiskCache } from './disk-cache.ts'

export interface InboxParts {
  bus: Bus
  topics: Topics
  nodeName: string
  /** Directory of the caches. */
  directory: string
  clock: Clock
  log: Log
  badMessages: BadMessages
  onWish: (wish: BoardWish) => void
  onNetwork: (network: NetworkTable) => void
}

interface Collection<T> {
  name: 'wish' | 'network'
  prefix: string
  read: (snapshot: Snapshot) => T
  take: (value: T) => void
}

/** Pods are few and precious; the network table changes with every pod of the cluster, and the master gives it again anyway. */
const gatherMs = { wish: 50, network: 10_000 }

export class Inbox {
  #parts: InboxParts
  #caches: DiskCache[] = []
  #subscribers: CollectionSubscriber[] = []

  constructor(parts: InboxParts) {
    this.#parts = parts
  }

  async start(): Promise<void> {
    const { topics, nodeName, onWish, onNetwork } = this.#parts
    await this.#follow({ name: 'network', prefix: topics.network, read: readNetworkTable, take: onNetwork })
    await this.#follow({ name: 'wish', prefix: topics.nodeWish(nodeName), read: readBoardWish, take: onWish })
  }

  async stop(): Promise<void> {
    for (const subscriber of this.#subscribers) subscriber.stop()
    await Promise.all(this.#caches.map(cache => cache.stop()))
  }

  async #follow<T>({ name, prefix, read, take }: Collection<T>): Promise<void> {
    const { bus, clock, log, directory, badMessages } = this.#parts
    const cache = new DiskCache({ path: `${directory}/${name}.json`, clock, log, gatherMs: gatherMs[name] })
    const understand = (snapshot: Snapshot): { value: T } | undefined => {
      try {
        return { value: read(snapshot) }
      } catch (error) {
        // All of it is left: without what cannot be read, the rest would mean that it is to be stopped.
        badMessages.count(`${name} documents`, prefix, error)
        return undefined
      }
    }
    const cached = await cache.read()
    const known = cached && understand(cached)
    if (known) take(known.value)
    const onComplete = (snapshot: Snapshot): void => {
      const understood = understand(snapshot)
      if (!understood) return
      cache.write(snapshot)
      take(understood.value)
    }
    const subscriber = new CollectionSubscriber({
      bus,
      prefix,
      log,
      onComplete,
      badMessages,
      ...(cached && known ? { initial: cached } : {}),
    })
    this.#caches.push(cache)
    this.#subscribers.push(subscriber)
    await subscriber.start()
  }
}
