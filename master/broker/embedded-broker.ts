/** The master's own MQTT broker (3.1.1): the adapter of `aedes`, with every limit that it does not have itself. */
import type { Duplex } from 'node:stream'
import { Aedes, type AuthenticateError, type Client, type ConnectPacket } from 'aedes'
import { type Clock, systemClock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import type { BrokerCounters, BrokerEvent, Refusal } from './broker-events.ts'
import { Clients, connectionOf } from './clients.ts'
import { Doors } from './doors.ts'
import type { Visit } from './gate.ts'
import { type ConnectionOptions, GuardedConnection } from './guarded-connection.ts'
import { brokenSocket, linkedPair } from './in-process-socket.ts'
import { Journal, type Subject } from './journal.ts'
import { type BrokerLimits, type BrokerLimitsPatch, limitsWith } from './limits.ts'
import type { ListenAddress } from './listener.ts'
import type { Policy } from './policy.ts'
import { type Caller, Reception } from './reception.ts'
import { persistenceWith, RetainedIndex } from './retained-index.ts'
import { returnCodeOf } from './return-code.ts'
import type { Publication } from './session.ts'
import type { ServerTls } from './tls-door.ts'

export interface EmbeddedBrokerOptions {
  /** Of whose topics the table speaks. */
  cluster: string
  listen: ListenAddress[]
  /** Not needed when nothing listens with TLS. */
  tls?: ServerTls
  policy: Policy
  limits?: BrokerLimitsPatch
  log: Log
  /** For Events, metrics and tests. Called in the middle of the traffic: it must be quick. */
  onEvent?: (event: BrokerEvent) => void
  clock?: Clock
  /** Nobody from outside is let in before `open`: a master that cannot answer yet only keeps its clients waiting. */
  closed?: boolean
}

export interface EmbeddedBroker {
  /** The master's own way in, for `connectMqttBus({openSocket})`. */
  openSocket(): Duplex
  /** Where it listens, with real port numbers. */
  readonly addresses: ListenAddress[]
  counters(): BrokerCounters
  /** For connections from now on. */
  setServerCertificate(tls: ServerTls): void
  /** Listens, if it does not yet. Rejects with `BadRequest` or `ServiceUnavailable`. */
  open(): Promise<void>
  /** Asks of every client whether it would still be admitted, and ends those that would not. */
  recheck(): void
  /** Who is connected under this name, and from where. */
  clientsOf(username: string): Array<Pick<Subject, 'clientId' | 'address'>>
  /** Ends all connections and frees the ports. Idempotent. */
  close(): Promise<void>
}

/** Until it is known who connects, its packets must be small: a CONNECT with a token in it and a will. */
const maxConnectPacketBytes = 16 * 1024

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
  #clock: Clock
  #log: Log
  #retained: RetainedIndex
  #journal: Journal
  #doors: Doors
  #reception: Reception
  #aedes: Aedes
  /** Connections that have not said CONNECT yet, too. */
  #connections = new Set<GuardedConnection>()
  #visits = new WeakMap<GuardedConnection, Visit>()
  #clients: Clients
  /** Who has not said its client id, which its topics are made of: MQTT lets a server refuse that [MQTT-3.1.3-8]. */
  #nameless = new WeakSet<Client>()
  #wills = new WeakMap<Client, Publication>()
  #throttled = 0
  #closing: Promise<void> | undefined
  #opening: Promise<void> | undefined
  readonly #isClosed: boolean

  constructor(options: EmbeddedBrokerOptions) {
    this.#isClosed = options.closed ?? false
    const { cluster, listen, tls, policy, log, onEvent = () => undefined, clock = systemClock } = options
    const limits = limitsWith(options.limits)
    this.#clock = clock
    this.#log = log
    this.#journal = new Journal({ clock, log, onEvent, eventsPerSecond: limits.eventsPerSecond })
    this.#clients = new Clients(this.#journal)
    this.#doors = new Doors({
      ...{ listen, tls, limits, clock, journal: this.#journal },
      onConnection: ({ stream, visit, ...from }) => this.#accept(stream, { ...from, address: visit.address }, visit),
    })
    const onThrottled = (): void => void this.#throttled++
    this.#reception = new Reception({ cluster, policy, limits, clock, log, onThrottled })
    this.#retained = new RetainedIndex(limits, topic => this.#refuseRetained(topic))
    this.#aedes = this.#createAedes(limits)
  }

  get addresses(): ListenAddress[] {
    return this.#doors.addresses
  }

  async start(): Promise<void> {
    this.#watch()
    await this.#aedes.listen()
    if (!this.#isClosed) await this.open()
  }

  open(): Promise<void> {
    this.#opening ??= this.#doors.open()
    return this.#opening
  }

  openSocket(): Duplex {
    if (this.#closing) return brokenSocket('the broker is closed')
    const [ours, theirs] = linkedPair()
    this.#accept(theirs, { address: 'in process', transport: 'inProcess', certificate: undefined })
    return ours
  }

  counters(): BrokerCounters {
    const { connections, unauthenticated } = this.#doors.gate
    return {
      ...{ connections, unauthenticated, clients: this.#aedes.connectedClients },
      ...{ dropped: this.#journal.dropped, throttled: this.#throttled },
      refused: this.#journal.refusals.byReason,
      untoldRefusals: this.#journal.refusals.untold,
      retainedMessages: this.#retained.messages,
      retainedBytes: this.#retained.bytes,
      retainedVisited: this.#retained.visited,
    }
  }

  setServerCertificate(tls: ServerTls): void {
    this.#doors.setServerCertificate(tls)
  }

  recheck(): void {
    this.#clients.recheck()
  }

  clientsOf(username: string): Array<Pick<Subject, 'clientId' | 'address'>> {
    return this.#clients.of(username)
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeNow()
    return this.#closing
  }

  async #closeNow(): Promise<void> {
    const closed = this.#doors.close()
    await new Promise<void>(resolve => this.#aedes.close(resolve))
    for (const connection of this.#connections) connection.destroy()
    await closed
  }

  #createAedes({ handshakeMs, maxHalfDelivered }: BrokerLimits): Aedes {
    return new Aedes({
      persistence: persistenceWith(this.#retained),
      // No cap on deliveries under way: each ends at once, because writing never waits (GuardedConnection).
      concurrency: 0,
      // For the master's own way in; the gate has less patience with the others.
      connectTimeout: handshakeMs + 1000,
      maxInflightInbound: maxHalfDelivered,
      maxTopicLevels: 32,
      preConnect: (client, packet, done) => {
        this.#prepare(client, packet)
        done(null, true)
      },
      authenticate: (client, ...[username, password, done]) => {
        void this.#authenticate(client, { username, password }).then(error => done(error, error === null))
      },
      authorizePublish: (client, packet, done) => done(this.#clients.refusePublish(client, packet)),
      authorizeSubscribe: (client, subscription, done) => {
        done(null, this.#clients.maySubscribe(client, subscription.topic) ? subscription : null)
      },
      authorizeForward: (client, packet) => (this.#clients.mayForward(client, packet.topic) ? packet : null),
    })
  }

  #watch(): void {
    const journal = this.#journal
    const failed = (client: Client, error: Error): void => journal.failed(this.#clients.subjectOf(client), error)
    this.#aedes.on('clientError', failed)
    this.#aedes.on('connectionError', failed)
    this.#aedes.on('keepaliveTimeout', client => journal.silent(this.#clients.subjectOf(client)))
    this.#aedes.on('clientReady', client => journal.came(this.#clients.subjectOf(client)))
    this.#aedes.on('clientDisconnect', client => journal.went(this.#clients.subjectOf(client)))
    this.#aedes.on('unsubscribe', (filters, client) => this.#clients.unsubscribe(client, filters))
    // Without a listener, an `error` event is an exception. EventEmitter's own type, because aedes does not declare it.
    const emitter: NodeJS.EventEmitter = this.#aedes
    emitter.on('error', (error: unknown) => this.#log.error('the broker failed', { error }))
  }

  #accept(stream: Duplex, from: Pick<ConnectionOptions, 'address' | 'transport' | 'certificate'>, visit?: Visit): void {
    const options = { ...from, maxPacketBytes: maxConnectPacketBytes, clock: this.#clock }
    const connection = new GuardedConnection(stream, options)
    this.#connections.add(connection)
    if (visit) this.#visits.set(connection, visit)
    connection.once('close', () => this.#connections.delete(connection))
    this.#aedes.handle(connection)
  }

  #prepare(client: Client, packet: ConnectPacket): void {
    // A session that outlives its connection would collect messages without a limit. MQTT lets a server forget it
    // (the CONNACK says so), and nothing of ours relies on one.
    packet.clean = true
    // aedes would invent one.
    if (!packet.clientId) this.#nameless.add(client)
    if (packet.will) this.#wills.set(client, packet.will)
  }

  /** Resolves to null when it is in. */
  async #authenticate(
    client: Client,
    credentials: Pick<Caller, 'username' | 'password'>,
  ): Promise<AuthenticateError | null> {
    const connection = connectionOf(client)
    const will = this.#wills.get(client)
    const clientId = this.#nameless.has(client) ? '' : client.id
    const welcome = await this.#reception.receive({ connection, clientId, ...credentials, will })
    const visit = this.#visits.get(connection)
    if ('session' in welcome) {
      const { identity } = welcome.session
      if (identity.kind === 'joining' && visit?.mayJoin() === false)
        return this.#turnAway(client, { reason: 'rate', detail: 'its address comes too often to join', identity })
      this.#clients.enter(client, welcome.session)
      visit?.admit()
      return null
    }
    return this.#turnAway(client, welcome.refused)
  }

  #turnAway(client: Client, { reason, detail, identity }: Omit<Refusal, 'address'>): AuthenticateError {
    this.#journal.refuseAndEnd({ ...this.#clients.subjectOf(client), identity }, reason, detail)
    return Object.assign(new Error(detail), { returnCode: returnCodeOf(reason) })
  }

  #refuseRetained(topic: string): void {
    const refusals = this.#journal.refusals
    const text = 'the broker keeps no more retained messages; further ones are only counted'
    if (refusals.count('too-many-retained') === 0) this.#log.error(text, { topic, messages: this.#retained.messages })
    refusals.add({ reason: 'too-many-retained', address: 'unknown', detail: `cannot keep ${topic}` })
  }
}
