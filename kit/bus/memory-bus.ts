/** A broker in this process, without sockets: the fake that ships with the Bus port. */
import { CodedError } from '../errors.ts'
import { type Log, silentLog } from '../log.ts'
import type { Bus, Message, PublishOptions, Unsubscribe, Will } from './bus.ts'
import { ConnectionState } from './connection-state.ts'
import { type Handler, Subscriptions } from './subscriptions.ts'
import { checkTopic, matchesTopic } from './topic-match.ts'

export interface MemoryBrokerOptions {
  log?: Log
  /**
   * Runs a delivery later. Default: as a microtask, in order. A test that wants other orders must keep those of one
   * `lane` (a client and a topic), as a broker does.
   */
  schedule?: (deliver: () => void, lane: string) => void
}

export interface MemoryBus extends Bus {
  /** Breaks the connection as a pulled plug does: the will is published. */
  cut(): void
  /** Connects again after a `cut`, with a clean session. */
  mend(): void
}

export class MemoryBroker {
  readonly log: Log
  #schedule: (deliver: () => void, lane: string) => void
  #retained = new Map<string, Buffer>()
  #clients = new Map<string, MemoryClient>()

  constructor(options: MemoryBrokerOptions = {}) {
    this.log = options.log ?? silentLog
    this.#schedule = options.schedule ?? (deliver => queueMicrotask(deliver))
  }

  /** A client that connects under a name in use takes it over [MQTT-3.1.4-2]. */
  connect(clientId: string, will?: Will): MemoryBus {
    const client = new MemoryClient(this, clientId, will)
    client.mend()
    return client
  }

  /** Forgets all retained messages, as an embedded broker does when its process starts anew. */
  clearRetained(): void {
    this.#retained.clear()
  }

  retainedTopics(): string[] {
    return [...this.#retained.keys()]
  }

  attach(client: MemoryClient): void {
    this.#clients.get(client.clientId)?.cut()
    this.#clients.set(client.clientId, client)
  }

  detach(client: MemoryClient): void {
    if (this.#clients.get(client.clientId) === client) this.#clients.delete(client.clientId)
  }

  publish(topic: string, payload: Buffer, retain: boolean): void {
    if (retain && payload.length > 0) this.#retained.set(topic, payload)
    else if (retain) this.#retained.delete(topic)
    for (const client of this.#clients.values()) {
      const handlers = client.handlersOf(topic)
      if (handlers.length > 0) this.#deliver(client, handlers, { topic, payload, retained: false })
    }
  }

  sendRetained(client: MemoryClient, filter: string, handler: Handler): void {
    for (const [topic, payload] of this.#retained) {
      if (matchesTopic(filter, topic)) this.#deliver(client, [handler], { topic, payload, retained: true })
    }
  }

  #deliver(client: MemoryClient, handlers: Handler[], message: Message): void {
    const { session } = client
    const deliver = (): void => {
      if (client.session === session) for (const handler of handlers) handler(message)
    }
    this.#schedule(deliver, `${client.clientId} ${message.topic}`)
  }
}

class MemoryClient implements MemoryBus {
  readonly clientId: string
  #broker: MemoryBroker
  #will: Will | undefined
  #state: ConnectionState
  #closed = false
  /** Counts connections: what was on its way when one ended does not arrive in the next. */
  session = 0
  #subscriptions: Subscriptions
  #subscribers = new Set<{ filter: string; handler: Handler }>()

  constructor(broker: MemoryBroker, clientId: string, will: Will | undefined) {
    this.clientId = clientId
    this.#broker = broker
    this.#will = will
    this.#subscriptions = new Subscriptions(broker.log)
    this.#state = new ConnectionState(broker.log)
  }

  get connected(): boolean {
    return this.#state.connected
  }

  async publish(topic: string, payload: string | Uint8Array, options: PublishOptions = {}): Promise<void> {
    checkTopic(topic)
    if (!this.#state.connected) {
      throw new CodedError('ServiceUnavailable', `cannot publish to ${topic}: because the broker is not connected`)
    }
    this.#broker.publish(topic, Buffer.from(payload), options.retain === true)
  }

  async subscribe(filter: string, handler: Handler): Promise<Unsubscribe> {
    const { remove, own } = this.#subscriptions.add(filter, handler)
    const subscriber = { filter, handler: own }
    this.#subscribers.add(subscriber)
    if (this.#state.connected) this.#broker.sendRetained(this, filter, own)
    return () => {
      remove()
      this.#subscribers.delete(subscriber)
    }
  }

  onConnect(handler: () => void): Unsubscribe {
    return this.#state.onConnect(handler)
  }

  onDisconnect(handler: () => void): Unsubscribe {
    return this.#state.onDisconnect(handler)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#leave()
  }

  cut(): void {
    if (!this.#state.connected) return
    this.#leave()
    if (this.#will) this.#broker.publish(this.#will.topic, Buffer.from(this.#will.payload), true)
  }

  mend(): void {
    if (this.#state.connected || this.#closed) return
    this.#broker.attach(this)
    this.#state.connected = true
    this.session++
    for (const { filter, handler } of this.#subscribers) this.#broker.sendRetained(this, filter, handler)
    this.#state.tell()
  }

  handlersOf(topic: string): Handler[] {
    return this.#subscriptions.handlersOf(topic)
  }

  #leave(): void {
    if (!this.#state.connected) return
    this.#state.connected = false
    this.session++
    this.#broker.detach(this)
    this.#state.tell()
  }
}
