/** A client that says whatever it likes over TLS, and notes what comes of it in one word. */
import { connect as connectTcp, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { sleep, systemClock } from '../../kit/clock.ts'
import {
  type ConnectWords,
  connectPacket,
  type Packet,
  publishPacket,
  subscribePacket,
  takePackets,
} from './packets.ts'

export interface Target {
  host: string
  port: number
}

/** A certificate and its key, PEM. */
export interface Pair {
  certificate: string
  key: string
}

const answerMs = 5000
const types = { connack: 2, publish: 3, puback: 4, suback: 9 }

export class RawClient {
  #socket: Socket
  #rest: Buffer = Buffer.alloc(0)
  readonly packets: Packet[] = []
  #ended = false
  reason = ''

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', chunk => {
      const { packets, rest } = takePackets(Buffer.concat([this.#rest, chunk]))
      this.#rest = rest
      this.packets.push(...packets)
    })
    socket.on('error', error => {
      this.reason ||= (error as NodeJS.ErrnoException).code ?? error.message
    })
    socket.on('close', () => {
      this.#ended = true
    })
  }

  /** Resolves when TLS stands, or has been refused: then `isOpen` is false. The peer is not checked: we attack it. */
  static async overTls(target: Target, pair?: Pair, options: ConnectionOptions = {}): Promise<RawClient> {
    const socket = connectTls({
      ...target,
      rejectUnauthorized: false,
      ...(pair && { cert: pair.certificate, key: pair.key }),
      ...options,
    })
    const client = new RawClient(socket)
    const stands = { now: false }
    socket.once('secureConnect', () => {
      stands.now = true
    })
    await client.#until(() => stands.now)
    return client
  }

  static async overTcp(target: Target): Promise<RawClient> {
    const socket = connectTcp(target)
    const client = new RawClient(socket)
    await client.#until(() => !socket.connecting)
    return client
  }

  get isOpen(): boolean {
    return !this.#ended
  }

  get socket(): Socket {
    return this.#socket
  }

  /** Bytes, as they are. */
  send(bytes: Buffer | string): void {
    if (!this.#ended) this.#socket.write(bytes)
  }

  /** `connack 0` is a welcome; `closed` when there was no answer but the end. */
  async connect(words: ConnectWords): Promise<string> {
    this.send(connectPacket(words))
    return this.#answer(types.connack, body => `connack ${body[1]}`)
  }

  /** `puback`, or `closed`. */
  async publish(
    topic: string | Buffer,
    payload: string | Buffer = 'x',
    options: { retain?: boolean } = {},
  ): Promise<string> {
    this.send(publishPacket(topic, payload, options))
    return this.#answer(types.puback, () => 'puback')
  }

  /** `suback 128` is a refusal. */
  async subscribe(...filters: string[]): Promise<string> {
    this.send(subscribePacket(filters))
    return this.#answer(types.suback, body => `suback ${[...body.subarray(2)].join(' ')}`)
  }

  /** Topics of what was delivered. */
  get heard(): string[] {
    return this.packets
      .filter(({ type }) => type === types.publish)
      .map(({ body }) => body.subarray(2, 2 + body.readUInt16BE(0)).toString())
  }

  /** `closed` when the other side ends it in this time, else `open`. */
  async untilClosed(timeoutMs = answerMs): Promise<string> {
    await this.#until(() => this.#ended, timeoutMs)
    return this.#ended ? 'closed' : 'open'
  }

  end(): void {
    this.#socket.destroy()
  }

  async #answer(type: number, read: (body: Buffer) => string): Promise<string> {
    const find = (): number => this.packets.findIndex(packet => packet.type === type)
    await this.#until(() => find() >= 0)
    const at = find()
    if (at < 0) return this.#ended ? 'closed' : 'silence'
    const [found] = this.packets.splice(at, 1)
    return read(found?.body ?? Buffer.alloc(4))
  }

  async #until(condition: () => boolean, timeoutMs = answerMs): Promise<void> {
    const deadline = systemClock.monotonic() + timeoutMs
    while (!condition() && !this.#ended && systemClock.monotonic() < deadline) await sleep(systemClock, 5)
  }
}
