/** An MQTT client with nothing between it and the wire: it says what it is told, and tells what it is answered. */
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect } from 'node:tls'
import { type IClientOptions, MqttClient } from 'mqtt'
import { eventually } from '../kit/eventually.ts'

export interface WireOptions {
  socket: Duplex
  clientId: string
  will?: NonNullable<IClientOptions['will']>
  username?: string
  password?: string
}

export class WireClient {
  /** `topic=payload` of all that came. */
  readonly heard: string[] = []
  /** Of CONNACK; undefined when the connection ended without one. */
  returnCode: number | undefined
  closed = false
  #client: MqttClient
  #socket: Duplex

  constructor({ socket, ...options }: WireOptions) {
    this.#socket = socket
    this.#client = new MqttClient(() => socket, {
      ...{ protocolVersion: 4, clean: true, keepalive: 60, reconnectPeriod: 0, connectTimeout: 10_000 },
      ...options,
    })
    this.#client.on('message', (topic, payload) => this.heard.push(`${topic}=${payload}`))
    this.#client.on('packetreceive', packet => {
      if (packet.cmd === 'connack') this.returnCode = packet.returnCode ?? -1
    })
    this.#client.on('error', () => undefined) // What was refused shows in `returnCode` and `closed`.
    socket.on('error', () => undefined)
    // Of a WebSocket, the end is all there is to see.
    for (const end of ['end', 'close']) {
      socket.once(end, () => {
        this.closed = true
        // It would keep its timer for pings, and by that the process.
        this.#client.end(true)
      })
    }
  }

  /** Whether the broker lets it in. */
  async enter(): Promise<boolean> {
    await eventually('an answer to CONNECT', () => this.returnCode !== undefined || this.closed)
    return this.returnCode === 0
  }

  /** Resolves when the broker has acknowledged it, or has closed the connection. */
  async publish(topic: string, payload: string | Buffer, retain = false): Promise<void> {
    let acknowledged = false
    this.#client.publish(topic, payload, { qos: 1, retain }, () => {
      acknowledged = true
    })
    await eventually('an answer to PUBLISH', () => acknowledged || this.closed)
  }

  /** Whether the broker grants it. */
  async subscribe(filter: string): Promise<boolean> {
    let granted: boolean | undefined
    this.#client.subscribe(filter, { qos: 1 }, (_error, _subscriptions, packet) => {
      granted = packet !== undefined && packet.granted[0] !== 0x80
    })
    await eventually('an answer to SUBSCRIBE', () => granted !== undefined || this.closed)
    return granted ?? false
  }

  /** Without a goodbye. */
  vanish(): void {
    this.#socket.destroy()
  }
}

/** A TLS socket to the loopback that does not care who answers: the test is the server. */
export async function secureSocket(options: ConnectionOptions): Promise<Duplex> {
  const socket = connect({ host: '127.0.0.1', rejectUnauthorized: false, ...options })
  socket.on('error', () => undefined)
  await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')])
  return socket
}
