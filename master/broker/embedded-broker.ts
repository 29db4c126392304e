/** The master's own MQTT broker (3.1.1): the adapter of `aedes`, with every limit that it does not have itself. */
import { type Duplex, duplexPair } from 'node:stream'
import { Aedes, type AuthenticateError, type Client, type ConnectPacket, type Subscription } from 'aedes'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { GuardedConnection } from './guarded-connection.ts'
import { type ListenAddress, type Listener, listen } from './listener.ts'
import type { ClientIdentity, Policy } from './policy.ts'
import { persistenceWith, RetainedIndex, type RetainedLimits } from './retained-index.ts'

export interface BrokerLimits extends RetainedLimits {
  maxPacketBytes: number
  maxClients: number
  maxSubscriptionsPerClient: number
  /** What a client has not taken yet; beyond it, it is dropped. */
  maxBacklogBytes: number
}

const defaultLimits: BrokerLimits = {
  maxPacketBytes: 4 * 1024 * 1024,
  maxClients: 12_000,
  maxSubscriptionsPerClient: 20_000,
  maxBacklogBytes: 16 * 1024 * 1024,
  maxRetainedMessages: 500_000,
  maxRetainedBytes: 256 * 1024 * 1024,
}

export interface EmbeddedBrokerOptions {
  listen: ListenAddress[]
  log: Log
  policy: Policy
  limits?: Partial<BrokerLimits>
  /** For metrics and tests: each connection that came or went, each refusal. */
  onEvent?: (event: BrokerEvent) => void
}

export type BrokerEvent =
  | { type: 'connected' | 'disconnected'; clientId: string; address: string }
  | { type: 'dropped'; clientId: string | undefined; address: string; reason: string }
  | { type: 'retained-refused'; topic: string }

export interface BrokerCounters {
  clients: number
  /** Connections ended by the broker: malformed or too large packets, silence, a full backlog. */
  dropped: number
  /** Connections refused because there are too many. */
  refusedClients: number
  refusedSubscriptions: number
  retainedMessages: number
  retainedBytes: number
  refusedRetained: number
  /** Branches of the topic tree that lookups of retained messages have visited. */
  retainedVisited: number
}

export interface EmbeddedBroker {
  /** The master's own way in, for `connectMqttBus({openSocket})`. */
  openSocket(): Duplex
  /** Where it listens, with real port numbers. */
  readonly addresses: ListenAddress[]
  counters(): BrokerCounters
  /** Ends all connections and frees the ports. Idempotent. */
  close(): Promise<void>
}

/** Until it is known who connects, its packets must be small. */
const maxConnectPacketBytes = 64 * 1024
const connectTimeoutMs = 10_000
/** QoS 2 messages that a client may have half-delivered; nothing of ours uses QoS 2. */
const maxHalfDelivered = 20

export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const broker = new Broker(options)
  try {
    await broker.start()
    return broker
  } catch (error) {
    await broker.close()
    throw error
  }
}

class Broker implements EmbeddedBroker {
  #options: EmbeddedBrokerOptions
  #limits: BrokerLimits
  #retained: RetainedIndex
  #aedes: Aedes
  #listeners: Listener[] = []
  /** Connections that have not said CONNECT yet, too. */
  #connections = new Set<GuardedConnection>()
  #filters = new WeakMap<Client, Set<string>>()
  #counts = { dropped: 0, refusedClients: 0, refusedSubscriptions: 0, refusedRetained: 0 }
  #closing: Promise<void> | undefined

  constructor(options: EmbeddedBrokerOptions) {
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#retained = new RetainedIndex(this.#limits, topic => this.#refuseRetained(topic))
    this.#aedes = new Aedes({
      persistence: persistenceWith(this.#retained),
      // No cap on deliveries under way: each ends at once, because writing never waits (GuardedConnection).
      concurrency: 0,
      connectTimeout: connectTimeoutMs,
      maxInflightInbound: maxHalfDelivered,
      maxClientsIdLength: 256,
      maxTopicLevels: 32,
      preConnect: (client, packet, done) => this.#preConnect(client, packet, done),
      authenticate: (client, ...[username, password, done]) => this.#authenticate(client, { username, password }, done),
      authorizePublish: (client, packet, done) => {
        done(this.#mayPublish(client, packet.topic) ? null : new Error(`may not publish to ${packet.topic}`))
      },
      authorizeSubscribe: (client, subscription, done) => {
        done(null, this.#maySubscribe(client, subscription) ? subscription : null)
      },
      authorizeForward: (client, packet) => (this.#mayForward(client, packet.topic) ? packet : null),
    })
  }

  get addresses(): ListenAddress[] {
    return this.#listeners.map(listener => listener.address)
  }

  async start(): Promise<void> {
    this.#watch()
    await this.#aedes.listen()
    for (const address of this.#options.listen) {
      const accept = (socket: Duplex & { remoteAddress?: string | undefined }): void => {
        this.#accept(socket, socket.remoteAddress ?? 'unix socket', false)
      }
      this.#listeners.push(await listen(address, this.#limits.maxClients, accept))
    }
  }

  openSocket(): Duplex {
    const [ours, theirs] = duplexPair()
    if (this.#closing) {
      ours.destroy(new Error('the broker is closed'))
      return ours
    }
    // A pair passes on an end, not a destruction.
    ours.once('close', () => theirs.destroy())
    theirs.once('close', () => ours.destroy())
    this.#accept(theirs, 'in process', true)
    return ours
  }

  counters(): BrokerCounters {
    return {
      ...this.#counts,
      clients: this.#aedes.connectedClients,
      retainedMessages: this.#retained.messages,
      retainedBytes: this.#retained.bytes,
      retainedVisited: this.#retained.visited,
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeNow()
    return this.#closing
  }

  async #closeNow(): Promise<void> {
    const listening = this.#listeners.map(listener => listener.close())
    await new Promise<void>(resolve => this.#aedes.close(resolve))
    for (const connection of this.#connections) connection.destroy()
    await Promise.all(listening)
  }

  #accept(socket: Duplex, address: string, inProcess: boolean): void {
    const connection = new GuardedConnection(socket, { address, inProcess, maxPacketBytes: maxConnectPacketBytes })
    this.#connections.add(connection)
    connection.once('close', () => this.#connections.delete(connection))
    this.#aedes.handle(connection)
  }

  #watch(): void {
    const { log, onEvent = () => undefined } = this.#options
    const seen = new WeakSet<Client>()
    const dropped = (client: Client, error: Error): void => {
      // What was on its way to a client that is gone fails too, each with an error of its own.
      if (seen.has(client)) return
      seen.add(client)
      this.#counts.dropped++
      const { clientId, address } = identityOf(client)
      log.debug('dropped a connection', { client: clientId, address, reason: error.message })
      onEvent({ type: 'dropped', clientId, address, reason: error.message })
    }
    this.#aedes.on('clientError', dropped)
    this.#aedes.on('connectionError', dropped)
    this.#aedes.on('clientReady', client => {
      const { clientId, address } = identityOf(client)
      onEvent({ type: 'connected', clientId, address })
    })
    this.#aedes.on('clientDisconnect', client => {
      const { clientId, address } = identityOf(client)
      onEvent({ type: 'disconnected', clientId, address })
    })
    this.#aedes.on('unsubscribe', (filters, client) => {
      for (const filter of filters) this.#filters.get(client)?.delete(filter)
    })
    // Without a listener, an `error` event is an exception. EventEmitter's own type, because aedes does not declare it.
    const emitter: NodeJS.EventEmitter = this.#aedes
    emitter.on('error', (error: unknown) => log.error('the broker failed', { error }))
  }

  #preConnect(client: Client, packet: ConnectPacket, done: (error: Error | null, success: boolean) => void): void {
    if (this.#aedes.connectedClients >= this.#limits.maxClients) {
      this.#counts.refusedClients++
      done(new Error('too many clients'), false)
      return
    }
    // A session that outlives its connection would collect messages without a limit. MQTT lets a server forget it
    // (the CONNACK says so), and nothing of ours relies on one.
    packet.clean = true
    this.#filters.set(client, new Set())
    done(null, true)
  }

  #authenticate(
    client: Client,
    credentials: { username: string | undefined; password: Buffer | undefined },
    done: (error: AuthenticateError | null, success: boolean | null) => void,
  ): void {
    const admit = (admitted: boolean): void => {
      if (admitted) connectionOf(client).maxPacketBytes = this.#limits.maxPacketBytes
      done(null, admitted)
    }
    this.#options.policy.authenticate(identityOf(client), credentials).then(admit, error => {
      this.#options.log.warn('cannot authenticate a client', { client: client.id, error })
      admit(false)
    })
  }

  /** A will may be published for a client that is gone. */
  #mayPublish(client: Client | null, topic: string): boolean {
    if (!client || topic.startsWith('$')) return false
    return this.#guard(() => this.#options.policy.authorizePublish(identityOf(client), topic))
  }

  #maySubscribe(client: Client, { topic }: Subscription): boolean {
    const filters = this.#filters.get(client) ?? new Set()
    const room = filters.has(topic) || filters.size < this.#limits.maxSubscriptionsPerClient
    const may = room && this.#guard(() => this.#options.policy.authorizeSubscribe(identityOf(client), topic))
    if (may) filters.add(topic)
    else this.#counts.refusedSubscriptions++
    return may
  }

  #mayForward(client: Client, topic: string): boolean {
    const connection = connectionOf(client)
    if (connection.backlogBytes > this.#limits.maxBacklogBytes) {
      connection.destroy(new Error(`it has not taken ${connection.backlogBytes} bytes`))
      return false
    }
    return this.#guard(() => this.#options.policy.authorizeForward(identityOf(client), topic))
  }

  /** An exception in a handler of aedes would end the process; here it means no. */
  #guard(decide: () => boolean): boolean {
    try {
      return decide()
    } catch (error) {
      this.#options.log.error('the policy of the broker failed', { reason: messageOf(error) })
      return false
    }
  }

  #refuseRetained(topic: string): void {
    const { log, onEvent } = this.#options
    const text = 'the broker keeps no more retained messages; further ones are only counted'
    if (this.#counts.refusedRetained++ === 0) log.error(text, { topic, messages: this.#retained.messages })
    onEvent?.({ type: 'retained-refused', topic })
  }
}

function connectionOf(client: Client): GuardedConnection {
  return client.conn as GuardedConnection
}

function identityOf(client: Client): ClientIdentity {
  const { inProcess, address } = connectionOf(client)
  return { clientId: client.id, inProcess, address }
}
