/** gRPC's length-prefixed messages (grpc `PROTOCOL-HTTP2.md`): a flag byte, four bytes of length, the message. */
import { CodedError } from '../../kit/errors.ts'

const headerBytes = 5
/** containerd's own limit of one message. */
export const maxMessageBytes = 16 * 1024 * 1024

export function frameMessage(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(headerBytes + message.length)
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, headerBytes)
  return frame
}

/** Cuts a stream of bytes into messages. Throws on a compressed or oversized one: we ask for neither. */
export class FrameReader {
  #onMessage: (message: Uint8Array) => void
  #chunks: Buffer[] = []
  #bufferedBytes = 0
  #wantedBytes = headerBytes

  constructor(onMessage: (message: Uint8Array) => void) {
    this.#onMessage = onMessage
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bufferedBytes += chunk.length
    if (this.#bufferedBytes < this.#wantedBytes) return
    let bytes = Buffer.concat(this.#chunks)
    for (let size = frameBytes(bytes); bytes.length >= size; size = frameBytes(bytes)) {
      this.#onMessage(bytes.subarray(headerBytes, size))
      bytes = bytes.subarray(size)
    }
    this.#wantedBytes = frameBytes(bytes)
    this.#chunks = bytes.length > 0 ? [bytes] : []
    this.#bufferedBytes = bytes.length
  }
}

/** Size of the frame that begins here, as far as it can be known. */
function frameBytes(bytes: Buffer): number {
  if (bytes.length < headerBytes) return headerBytes
  const length = bytes.readUInt32BE(1)
  if (bytes[0] !== 0) throw new CodedError('InternalError', 'cannot read an answer: because it is compressed')
  if (length > maxMessageBytes)
    throw new CodedError('RequestEntityTooLarge', `cannot read an answer: because it has ${length} bytes`)
  return headerBytes + length
}
