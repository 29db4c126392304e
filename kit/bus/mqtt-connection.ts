/** One MQTT 3.1.1 connection with a clean session, from CONNECT to its end: the adapter of `mqtt`. */
import type { Duplex } from 'node:stream'
import { MqttClient } from 'mqtt'
import type { Clock } from '../clock.ts'
import { CodedError, messageOf } from '../errors.ts'
import type { OpenedSocket } from './broker-address.ts'
import type { Message, Will } from './bus.ts'
import { type ConnectionFailure, failureOf } from './connection-failure.ts'
import { PacketLimit } from './packet-limit.ts'

export interface MqttConnectionOptions {
  opened: OpenedSocket
  clock: Clock
  clientId: string
  keepaliveSeconds: number
  pingSeconds: number
  connectTimeoutMs: number
  maxPacketBytes: number
  will: Will | undefined
  username: string | undefined
  password: string | undefined
  onOpen: () => void
  onMessage: (message: Message) => void
  /** Called once, with why. */
  onEnd: (failure: ConnectionFailure) => void
}

/** Publications and subscriptions that wait for the broker's word. Packet ids would allow 65 535. */
const maxWaiting = 10_000
const maxWaitingBytes = 32 * 1024 * 1024
/** Filters in one SUBSCRIBE or UNSUBSCRIBE. */
const maxFiltersPerPacket = 50
/** A goodbye that takes longer is not waited for. */
const closeMs = 1000
/** Fixed header, packet id and the lengths inside a PUBLISH, at most. */
const publishOverheadBytes = 9

export class MqttConnection {
  #options: MqttConnectionOptions
  #socket: Duplex
  /** Undefined until the socket may be written to. */
  #client: MqttClient | undefined
  #waiting = new Set<(error: Error) => void>()
  #waitingBytes = 0
  /** The first thing that went wrong: what follows is its consequence. */
  #failure: ConnectionFailure | undefined

  constructor(options: MqttConnectionOptions) {
    const { socket, ready } = options.opened
    this.#options = options
    this.#socket = socket
    socket.on('error', error => {
      this.#failure ??= failureOf(error)
    })
    socket.once('close', () => this.#ended())
    if (ready) void this.#beginWhen(ready)
    else this.#client = this.#begin()
  }

  async #beginWhen(ready: Promise<void>): Promise<void> {
    const { clock, connectTimeoutMs } = this.#options
    const cancel = clock.after(connectTimeoutMs, () => this.destroy(`no TLS within ${connectTimeoutMs} ms`))
    try {
      await ready
      // What ends in this moment is told by the socket's own events.
      if (!this.#socket.destroyed) this.#client = this.#begin()
    } catch (error) {
      this.#break(failureOf(error))
    } finally {
      cancel()
    }
  }

  #begin(): MqttClient {
    const { options, socket } = { options: this.#options, socket: this.#socket }
    const { will, username, password } = options
    this.#guardIncoming(socket)
    const client = new MqttClient(() => socket, {
      clientId: options.clientId,
      protocolVersion: 4,
      clean: true,
      keepalive: options.keepaliveSeconds,
      connectTimeout: options.connectTimeoutMs,
      // A new client for each connection: nothing of an earlier session is stored or sent again behind our back.
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      timerVariant: 'native',
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(will && { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true } }),
    })
    client.on('connect', () => {
      // Only from here on: what CONNECT promises is how often the broker hears from us, and some count that in whole seconds.
      client.keepaliveManager?.setKeepalive(options.pingSeconds)
      options.onOpen()
    })
    client.on('message', (topic, payload, packet) => {
      options.onMessage({ topic, payload, retained: packet.retain })
    })
    client.on('error', error => this.#break(failureOf(error)))
    return client
  }

  /** QoS 1 resolves with the PUBACK. Rejects with `ServiceUnavailable`, `RequestEntityTooLarge` or `TooManyRequests`. */
  async publish(topic: string, payload: Buffer, options: { qos: 0 | 1; retain: boolean }): Promise<void> {
    const { maxPacketBytes } = this.#options
    const bytes = payload.length + Buffer.byteLength(topic) + publishOverheadBytes
    const refuse = (code: 'RequestEntityTooLarge' | 'TooManyRequests', reason: string): CodedError =>
      new CodedError(code, `cannot publish to ${topic}: because ${reason}`)
    if (bytes > maxPacketBytes) {
      throw refuse('RequestEntityTooLarge', `its ${payload.length} bytes do not fit a packet of ${maxPacketBytes}`)
    }
    if (this.#waiting.size >= maxWaiting || this.#waitingBytes + bytes > maxWaitingBytes) {
      throw refuse('TooManyRequests', 'the broker has not acknowledged what was sent before')
    }
    this.#waitingBytes += bytes
    try {
      await this.#ask(`publish to ${topic}`, (client, done) => client.publish(topic, payload, options, done))
    } finally {
      this.#waitingBytes -= bytes
    }
  }

  /** Resolves to the filters that the broker refused. */
  async subscribe(filters: string[]): Promise<string[]> {
    const answers = chunks(filters, maxFiltersPerPacket).map(async chunk => {
      const granted = await this.#ask<readonly unknown[]>('subscribe', (client, done) =>
        client.subscribe(chunk, { qos: 1 }, (error, _subscriptions, packet) => {
          // A SUBACK that refuses a filter comes as an error too.
          if (error && !packet) done(error)
          else done(null, packet?.granted ?? [])
        }),
      )
      return chunk.filter((_, index) => granted[index] === 0x80)
    })
    return (await Promise.all(answers)).flat()
  }

  async unsubscribe(filters: string[]): Promise<void> {
    await Promise.all(
      chunks(filters, maxFiltersPerPacket).map(chunk =>
        this.#ask('unsubscribe', (client, done) => client.unsubscribe(chunk, error => done(error))),
      ),
    )
  }

  /** Says goodbye (no will), after what was sent has been acknowledged. */
  async close(): Promise<void> {
    const { socket, clock } = { socket: this.#socket, clock: this.#options.clock }
    if (socket.destroyed) return
    const { promise: gone, resolve } = Promise.withResolvers<void>()
    socket.once('close', () => resolve())
    if (this.#client?.connected) this.#client.end(false)
    else socket.destroy()
    const cancel = clock.after(closeMs, () => socket.destroy())
    await gone
    cancel()
  }

  /** Breaks the connection: the broker sends the will. */
  destroy(reason: string): void {
    this.#break({ kind: 'ended', reason })
  }

  #break(failure: ConnectionFailure): void {
    this.#failure ??= failure
    this.#socket.destroy()
  }

  #guardIncoming(socket: Duplex): void {
    const limit = new PacketLimit(this.#options.maxPacketBytes)
    // Before the parser's own listener, so that a giant packet is never collected.
    socket.on('data', (chunk: Buffer) => {
      try {
        limit.watch(chunk)
      } catch (error) {
        this.destroy(messageOf(error))
      }
    })
  }

  #ended(): void {
    const failure = this.#failure ?? { kind: 'ended', reason: 'the connection was closed' }
    // The library forgets to tell the publications under way.
    const error = new CodedError('ServiceUnavailable', failure.reason)
    for (const reject of [...this.#waiting]) reject(error)
    // Its timer would keep a program alive that has nothing left to do.
    this.#client?.keepaliveManager?.destroy()
    this.#client?.removeAllListeners()
    this.#client?.on('error', () => undefined) // What it still says of a connection that has ended is of no interest.
    this.#options.onEnd(failure)
  }

  /** Calls the library and waits for its callback or for the end of the connection. */
  async #ask<T>(
    what: string,
    call: (client: MqttClient, done: (error?: Error | null, result?: T) => void) => void,
  ): Promise<T> {
    const client = this.#client
    if (!client) throw new CodedError('ServiceUnavailable', `cannot ${what}: because the broker is not connected`)
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#waiting.add(reject)
    try {
      call(client, (error, result) => (error ? reject(error) : resolve(result as T)))
      return await promise
    } catch (error) {
      throw new CodedError('ServiceUnavailable', `cannot ${what}: because ${messageOf(error)}`, { cause: error })
    } finally {
      this.#waiting.delete(reject)
    }
  }
}

function chunks<T>(list: T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  )
}
