/** Who listens to what on one connection: calls each handler once a message, and says what the broker must be asked for. */
import type { Log } from '../log.ts'
import type { Message, Unsubscribe } from './bus.ts'
import { checkFilter, coversFilter, hasWildcard, matchesTopic } from './topic-match.ts'

export type Handler = (message: Message) => void

export class Subscriptions {
  #log: Log
  #exact = new Map<string, Set<Handler>>()
  #wild = new Map<string, Set<Handler>>()

  constructor(log: Log) {
    this.#log = log
  }

  /** Throws `BadRequest` for a filter that is none. `own` is the handler as `handlersOf` returns it; `remove` is idempotent. */
  add(filter: string, handler: Handler): { own: Handler; remove: Unsubscribe } {
    checkFilter(filter)
    const table = hasWildcard(filter) ? this.#wild : this.#exact
    const handlers = table.get(filter) ?? new Set()
    // Wrapped, so that one function subscribed twice counts twice, and none is called once it has unsubscribed.
    const own: Handler = message => {
      if (handlers.has(own)) this.#call(handler, message)
    }
    table.set(filter, handlers.add(own))
    const remove = (): void => {
      handlers.delete(own)
      if (handlers.size === 0 && table.get(filter) === handlers) table.delete(filter)
    }
    return { own, remove }
  }

  /** Those who listen to `topic` now. What they throw is logged, never fatal. */
  handlersOf(topic: string): Handler[] {
    const handlers = [...(this.#exact.get(topic) ?? [])]
    for (const [filter, wild] of this.#wild) if (matchesTopic(filter, topic)) handlers.push(...wild)
    return handlers
  }

  dispatch(message: Message): void {
    for (const handler of this.handlersOf(message.topic)) handler(message)
  }

  /**
   * The filters to hold at the broker: none that another one covers, because a broker may send a message once per
   * matching subscription [MQTT-3.3.5-1] and a handler must see it once.
   */
  brokerFilters(): Set<string> {
    const wild = [...this.#wild.keys()]
    const uncovered = (filter: string): boolean => !wild.some(other => other !== filter && coversFilter(other, filter))
    return new Set([...wild, ...this.#exact.keys()].filter(uncovered))
  }

  #call(handler: Handler, message: Message): void {
    try {
      handler(message)
    } catch (error) {
      this.#log.error('a message handler failed', { topic: message.topic, error })
    }
  }
}
