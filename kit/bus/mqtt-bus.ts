/** The Bus over MQTT: connects in the background, and again whenever the connection ends. */
import type { Duplex } from 'node:stream'
import type { BackoffOptions } from '../backoff.ts'
import { type Cancel, type Clock, systemClock } from '../clock.ts'
import { CodedError } from '../errors.ts'
import type { Log } from '../log.ts'
import { Attempts } from './attempts.ts'
import type { BrokerAddress, OpenedSocket } from './broker-address.ts'
import { BrokerFilters } from './broker-filters.ts'
import type { Bus, Message, PublishOptions, Unsubscribe, Will } from './bus.ts'
import type { ConnectionFailure } from './connection-failure.ts'
import { ConnectionState } from './connection-state.ts'
import { MqttConnection } from './mqtt-connection.ts'
import { Subscriptions } from './subscriptions.ts'
import type { TlsOptions } from './tls-socket.ts'
import { checkTopic, coversFilter } from './topic-match.ts'

export interface MqttBusOptions {
  /**
   * `mqtt://host:port`, `mqtts://host:port` or `mqtts+unix:///path.sock`. Several are tried in turn;
   * a function is asked anew before each attempt.
   */
  url: string | string[] | (() => string[])
  clientId: string
  will?: Will
  /** The broker ends a connection that was silent for half as long again. 0: never. */
  keepaliveSeconds: number
  /** How often we ask it for a sign of life, which may take half of this; not beyond `keepaliveSeconds`, the default. */
  pingSeconds?: number
  log: Log
  clock?: Clock
  /** Delays between attempts. Default 0.2 to 5 s, half of it random. */
  reconnectMs?: BackoffOptions
  /** The same while the broker says no to us: asking often would not help. Default 1 to 60 s. */
  refusedMs?: BackoffOptions
  username?: string
  password?: string
  /** A function is asked anew before each attempt, so that a renewed certificate needs no restart. */
  tls?: TlsOptions | (() => TlsOptions)
  /** Instead of a socket to `url`: the master's own way into its embedded broker. */
  openSocket?: () => Duplex
  /** From the attempt to the broker's welcome. Default 5 s. */
  connectTimeoutMs?: number
  /** Largest packet sent or taken. Default 4 MiB. */
  maxPacketBytes?: number
}

export interface MqttBus extends Bus {
  /** For people: host and port, or path. */
  readonly address: string
  /** The one of the URLs that is connected, or was tried last. */
  readonly url: string
  /** Why the last attempt or connection ended. */
  readonly lastFailure: string | undefined
  /** Called at the end of each connection and each attempt that nobody asked for. */
  onFailure(handler: (failure: ConnectionFailure) => void): Unsubscribe
  /** Ends the connection cleanly (no Last Will) and makes a new one at once, as with a new certificate. */
  reconnect(): Promise<void>
}

/** Returns at once and connects in the background. Throws `BadRequest` when the URL is none. */
export function connectMqttBus(options: MqttBusOptions): MqttBus {
  const bus = new ReconnectingBus(options)
  bus.start()
  return bus
}

/** Resolves once connected. Rejects with `ServiceUnavailable`, naming the address and the last reason. */
export async function waitConnected(bus: MqttBus, timeoutMs: number, clock: Clock = systemClock): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const cancel = clock.after(timeoutMs, () => {
    const reason = bus.lastFailure ?? `no answer in ${timeoutMs} ms`
    reject(new CodedError('ServiceUnavailable', `cannot reach the broker at ${bus.address}: ${reason}`))
  })
  const stop = bus.onConnect(resolve)
  try {
    await promise
  } finally {
    cancel()
    stop()
  }
}

/** A connection that ended sooner does not reset the backoff: two clients of one name must not chase each other fast. */
const steadyMs = 5000

class ReconnectingBus implements MqttBus {
  readonly clientId: string
  #options: MqttBusOptions
  #clock: Clock
  #attempts: Attempts
  #broker: BrokerAddress
  #subscriptions: Subscriptions
  #connection: MqttConnection | undefined
  /** Since the broker's welcome; `connected` is true only once the subscriptions stand. */
  #openedAt: number | undefined
  #state: ConnectionState
  #closed = false
  #lastFailure: string | undefined
  #onFailure = new Set<(failure: ConnectionFailure) => void>()
  /** The connection ends because we want a new one. */
  #renewing = false
  #cancelRetry: Cancel = () => undefined
  #filters: BrokerFilters

  constructor(options: MqttBusOptions) {
    this.clientId = options.clientId
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#attempts = new Attempts(options)
    this.#broker = this.#attempts.begin()
    const { log } = options
    this.#subscriptions = new Subscriptions(log)
    this.#filters = new BrokerFilters({ subscriptions: this.#subscriptions, connection: () => this.#welcomed(), log })
    this.#state = new ConnectionState(options.log)
  }

  get connected(): boolean {
    return this.#state.connected
  }

  get address(): string {
    return this.#broker.text
  }

  get url(): string {
    return this.#attempts.url
  }

  get lastFailure(): string | undefined {
    return this.#lastFailure
  }

  start(): void {
    const { keepaliveSeconds, connectTimeoutMs = 5000, maxPacketBytes = 4 * 1024 * 1024, pingSeconds } = this.#options
    this.#broker = this.#attempts.begin()
    this.#connection = new MqttConnection({
      opened: this.#openSocket(),
      clock: this.#clock,
      clientId: this.clientId,
      keepaliveSeconds,
      pingSeconds: pingSeconds ?? keepaliveSeconds,
      connectTimeoutMs,
      maxPacketBytes,
      will: this.#options.will,
      username: this.#options.username ?? this.#broker.username,
      password: this.#options.password ?? this.#broker.password,
      onOpen: () => void this.#opened(),
      onMessage: message => this.#subscriptions.dispatch(message),
      onEnd: failure => this.#ended(failure),
    })
  }

  #openSocket(): OpenedSocket {
    const { openSocket, tls = {} } = this.#options
    if (openSocket) return { socket: openSocket() }
    return this.#broker.open(typeof tls === 'function' ? tls() : tls)
  }

  #welcomed(): MqttConnection | undefined {
    return this.#openedAt === undefined || this.#closed ? undefined : this.#connection
  }

  async publish(topic: string, payload: string | Uint8Array, options: PublishOptions = {}): Promise<void> {
    checkTopic(topic)
    if (!this.#connection || !this.#state.connected) {
      const reason = `the broker at ${this.address} is not connected`
      throw new CodedError('ServiceUnavailable', `cannot publish to ${topic}: because ${reason}`)
    }
    const { retain = false, qos = 1 } = options
    const bytes =
      typeof payload === 'string'
        ? Buffer.from(payload)
        : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    // aedes may drop a live QoS 0 message that overtakes a retained one; QoS 1 keeps them in order.
    await this.#connection.publish(topic, bytes, { retain, qos: retain ? 1 : qos })
  }

  async subscribe(filter: string, handler: (message: Message) => void): Promise<Unsubscribe> {
    const { remove } = this.#subscriptions.add(filter, handler)
    this.#filters.refresh(filter)
    const refused = await this.#filters.sync()
    if (refused.some(other => coversFilter(other, filter))) {
      remove()
      throw new CodedError('Forbidden', `cannot subscribe to ${filter}: because the broker refuses it`)
    }
    return () => {
      remove()
      void this.#filters.sync()
    }
  }

  onConnect(handler: () => void): Unsubscribe {
    return this.#state.onConnect(handler)
  }

  onDisconnect(handler: () => void): Unsubscribe {
    return this.#state.onDisconnect(handler)
  }

  onFailure(handler: (failure: ConnectionFailure) => void): Unsubscribe {
    this.#onFailure.add(handler)
    return () => this.#onFailure.delete(handler)
  }

  async reconnect(): Promise<void> {
    if (this.#closed) return
    if (this.#connection) {
      this.#renewing = true
      await this.#connection.close()
    } else {
      // Between two attempts: the next one need not wait.
      this.#cancelRetry()
      this.start()
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelRetry()
    await this.#connection?.close()
  }

  async #opened(): Promise<void> {
    const connection = this.#connection
    this.#openedAt = this.#clock.monotonic()
    await this.#filters.sync()
    if (connection !== this.#connection || this.#openedAt === undefined || this.#closed) return
    this.#state.connected = true
    this.#options.log.info('connected to the broker', { broker: this.address })
    this.#state.tell()
  }

  #ended(failure: ConnectionFailure): void {
    const wasConnected = this.#state.connected
    if (this.#openedAt !== undefined && this.#clock.monotonic() - this.#openedAt > steadyMs) this.#attempts.succeeded()
    this.#connection = undefined
    this.#openedAt = undefined
    this.#state.connected = false
    this.#filters.forget()
    if (wasConnected) this.#state.tell()
    if (this.#closed) return
    if (this.#renewing) {
      this.#renewing = false
      this.start()
    } else {
      this.#retry(failure, wasConnected)
    }
  }

  #retry(failure: ConnectionFailure, wasConnected: boolean): void {
    const { log } = this.#options
    const { reason } = failure
    this.#lastFailure = reason
    for (const handler of this.#onFailure) handler(failure)
    const retryMs = this.#attempts.failed(failure)
    // One line per outage; the attempts in between say nothing new.
    const write = wasConnected || this.#attempts.isFirstFailure ? log.warn : log.debug
    write('not connected to the broker', { broker: this.address, reason, retryMs: Math.round(retryMs) })
    this.#cancelRetry = this.#clock.after(retryMs, () => this.start())
  }
}
