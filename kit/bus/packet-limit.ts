/** Watches the bytes of an MQTT connection for packets that announce more than is allowed, before anybody buffers them. */
import { CodedError } from '../errors.ts'

/**
 * Reads only fixed headers (MQTT 3.1.1 section 2.2: a type byte, then a length of one to four bytes, seven bits each).
 * The limit may change between packets: a connection that is not yet known gets a small one.
 */
export class PacketLimit {
  maxPacketBytes: number
  /** Bytes of the current packet that are still to come; 0 between packets. */
  #remaining = 0
  /** Bytes of the current fixed header seen so far; 0 between packets. */
  #headerBytes = 0
  #length = 0

  constructor(maxPacketBytes: number) {
    this.maxPacketBytes = maxPacketBytes
  }

  /** Throws `RequestEntityTooLarge` or `BadRequest`. Returns how many packets began in `chunk`. */
  watch(chunk: Buffer): number {
    let begun = 0
    let at = 0
    while (at < chunk.length) {
      if (this.#remaining > 0) {
        const skip = Math.min(this.#remaining, chunk.length - at)
        this.#remaining -= skip
        at += skip
      } else {
        if (this.#headerBytes === 0) begun++
        this.#takeHeaderByte(chunk.readUInt8(at++))
      }
    }
    return begun
  }

  #takeHeaderByte(byte: number): void {
    this.#headerBytes++
    if (this.#headerBytes === 1) {
      this.#length = 0
      return
    }
    this.#length += (byte & 0x7f) * 128 ** (this.#headerBytes - 2)
    if (this.#length > this.maxPacketBytes) {
      const size = `it announces at least ${this.#length} bytes, more than ${this.maxPacketBytes}`
      throw new CodedError('RequestEntityTooLarge', `cannot take a packet: because ${size}`)
    }
    if ((byte & 0x80) === 0) {
      this.#headerBytes = 0
      this.#remaining = this.#length
    } else if (this.#headerBytes === 5) {
      throw new CodedError('BadRequest', 'cannot take a packet: because its length has more than four bytes')
    }
  }
}
