/** Brings what the broker holds of our subscriptions to what is wanted, once for all that change in one turn. */
import { hasCode } from '../errors.ts'
import type { Log } from '../log.ts'
import type { MqttConnection } from './mqtt-connection.ts'
import type { Subscriptions } from './subscriptions.ts'
import { coversFilter } from './topic-match.ts'

export interface BrokerFiltersParts {
  subscriptions: Subscriptions
  /** Undefined while the broker has not welcomed us, and for ever once we are closed. */
  connection: () => MqttConnection | undefined
  log: Log
}

export class BrokerFilters {
  #parts: BrokerFiltersParts
  /** What the broker holds for this connection. */
  #held = new Set<string>()
  /** With a new handler, which wants the retained messages even if the broker holds the filter already. */
  #fresh = new Set<string>()
  #syncing: Promise<string[]> | undefined

  constructor(parts: BrokerFiltersParts) {
    this.#parts = parts
  }

  /** Before `sync`, for each handler that is new. */
  refresh(filter: string): void {
    this.#fresh.add(filter)
  }

  /** The connection is gone, and what the broker held for it. */
  forget(): void {
    this.#held.clear()
  }

  /** Resolves to those that the broker refused. */
  sync(): Promise<string[]> {
    this.#syncing ??= Promise.resolve().then(() => {
      this.#syncing = undefined
      return this.#syncNow()
    })
    return this.#syncing
  }

  async #syncNow(): Promise<string[]> {
    const { subscriptions, log } = this.#parts
    const connection = this.#parts.connection()
    if (!connection) return []
    const fresh = [...this.#fresh]
    const wanted = subscriptions.brokerFilters()
    const ask = [...wanted].filter(
      filter => !this.#held.has(filter) || fresh.some(other => coversFilter(filter, other)),
    )
    const drop = [...this.#held].filter(filter => !wanted.has(filter))
    this.#fresh.clear()
    this.#held = wanted
    try {
      // In this order, so that no message falls between a narrow filter and the wide one that replaces it.
      const [refused] = await Promise.all([connection.subscribe(ask), connection.unsubscribe(drop)])
      return refused
    } catch (error) {
      // The connection has ended; the next one begins with all that is wanted.
      if (!hasCode(error, 'ServiceUnavailable')) log.error('cannot subscribe', { error })
      return []
    }
  }
}
