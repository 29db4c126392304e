/**
 * What the broker gets to see of a socket. Packets too large end the connection before they are collected. Whoever sends
 * more than its rate is not read for a while, so that TCP holds it back. Writing never
 * reports a full buffer: aedes would stop reading from whoever publishes to a stuck client, so that one frozen board
 * could hold up the master; the broker watches `backlogBytes` instead and drops the stuck one.
 */
import { Duplex } from 'node:stream'
import { PacketLimit } from '../../kit/bus/packet-limit.ts'
import type { Cancel, Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import type { Rate } from './limits.ts'
import type { ConnectionFacts } from './policy.ts'
import { TokenBucket } from './token-bucket.ts'

export interface ConnectionOptions {
  address: string
  transport: ConnectionFacts['transport']
  certificate: ConnectionFacts['certificate']
  /** Until it is admitted. */
  maxPacketBytes: number
  clock: Clock
}

/** What is granted when it is known who it is. */
export interface Grant {
  maxPacketBytes: number
  packets: Rate
  bytes: Rate
  maxThrottledMs: number
  /** It will not be read for a while. */
  onThrottled: () => void
}

const goodbyeMs = 1000

export class GuardedConnection extends Duplex {
  readonly address: string
  readonly transport: ConnectionFacts['transport']
  readonly certificate: ConnectionFacts['certificate']
  #socket: Duplex
  #clock: Clock
  #limit: PacketLimit
  #grant: (Grant & { packetBucket: TokenBucket; byteBucket: TokenBucket }) | undefined
  /** Since when each chunk has been more than its rate of packets. */
  #floodingSince: number | undefined
  #resting: Cancel | undefined
  #hungry = true

  constructor(socket: Duplex, options: ConnectionOptions) {
    super({ readableHighWaterMark: 16 * 1024, writableHighWaterMark: Number.MAX_SAFE_INTEGER })
    this.address = options.address
    this.transport = options.transport
    this.certificate = options.certificate
    this.#socket = socket
    this.#clock = options.clock
    this.#limit = new PacketLimit(options.maxPacketBytes)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('end', () => this.push(null))
    socket.on('error', error => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  /** Bytes that the other side has not taken yet. */
  get backlogBytes(): number {
    return this.writableLength + this.#socket.writableLength
  }

  /** From the next packet on. */
  admit(grant: Grant): void {
    this.#limit.maxPacketBytes = grant.maxPacketBytes
    const bucket = (rate: Rate): TokenBucket => new TokenBucket(rate, this.#clock)
    this.#grant = { ...grant, packetBucket: bucket(grant.packets), byteBucket: bucket(grant.bytes) }
  }

  #take(chunk: Buffer): void {
    try {
      this.#pace(this.#limit.watch(chunk), chunk.length)
    } catch (error) {
      this.destroy(error as Error)
      return
    }
    this.#hungry = this.push(chunk)
    this.#flow()
  }

  /** Throws `TooManyRequests`. */
  #pace(packets: number, bytes: number): void {
    const grant = this.#grant
    if (!grant) return
    const packetsMs = grant.packetBucket.take(packets)
    const waitMs = Math.max(packetsMs, grant.byteBucket.take(bytes))
    // Many bytes are a copy of a large file; many packets without an end are work that nobody asked for.
    if (packetsMs === 0) this.#floodingSince = undefined
    if (waitMs === 0) return
    const now = this.#clock.monotonic()
    if (packetsMs > 0) this.#floodingSince ??= now
    if (this.#floodingSince !== undefined && now - this.#floodingSince > grant.maxThrottledMs) {
      const why = `it has sent more than ${grant.packets.perSecond} packets a second for ${grant.maxThrottledMs} ms`
      throw new CodedError('TooManyRequests', `cannot read on: because ${why}`)
    }
    grant.onThrottled()
    this.#resting?.()
    this.#resting = this.#clock.after(waitMs, () => {
      this.#resting = undefined
      this.#flow()
    })
  }

  #flow(): void {
    if (this.#hungry && !this.#resting) this.#socket.resume()
    else this.#socket.pause()
  }

  override _read(): void {
    this.#hungry = true
    this.#flow()
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#afterWriting(this.#socket.write(chunk), done)
  }

  override _writev(parts: Array<{ chunk: Buffer }>, done: () => void): void {
    this.#socket.cork()
    let room = true
    for (const { chunk } of parts) room = this.#socket.write(chunk)
    this.#socket.uncork()
    this.#afterWriting(room, done)
  }

  #afterWriting(room: boolean, done: () => void): void {
    if (!room) this.#socket.once('drain', done)
    // In process, question and answer would chase each other without ever letting go of the event loop.
    else if (this.transport === 'inProcess') setImmediate(done)
    else done()
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#resting?.()
    if (error) this.#socket.destroy()
    else this.#sayGoodbye()
    done(error)
  }

  /** The last words are still on their way: why it is refused. */
  #sayGoodbye(): void {
    this.#socket.pause()
    const cancel = this.#clock.after(goodbyeMs, () => this.#socket.destroy())
    this.#socket.once('close', cancel)
    this.#socket.end(() => this.#socket.destroy())
  }
}
