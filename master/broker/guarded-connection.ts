/**
 * What the broker gets to see of a socket. Packets too large end the connection before they are collected. Writing never
 * reports a full buffer: aedes would stop reading from whoever publishes to a stuck client, so that one frozen board
 * could hold up the master; the broker watches `backlogBytes` instead and drops the stuck one.
 */
import { Duplex } from 'node:stream'
import { PacketLimit } from '../../kit/bus/packet-limit.ts'

export class GuardedConnection extends Duplex {
  readonly address: string
  readonly inProcess: boolean
  #socket: Duplex
  #limit: PacketLimit

  constructor(socket: Duplex, options: { address: string; inProcess: boolean; maxPacketBytes: number }) {
    super({ readableHighWaterMark: 16 * 1024, writableHighWaterMark: Number.MAX_SAFE_INTEGER })
    this.address = options.address
    this.inProcess = options.inProcess
    this.#socket = socket
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
  set maxPacketBytes(bytes: number) {
    this.#limit.maxPacketBytes = bytes
  }

  #take(chunk: Buffer): void {
    try {
      this.#limit.watch(chunk)
    } catch (error) {
      this.destroy(error as Error)
      return
    }
    if (!this.push(chunk)) this.#socket.pause()
  }

  override _read(): void {
    this.#socket.resume()
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
    else if (this.inProcess) setImmediate(done)
    else done()
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}
