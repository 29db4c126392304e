/** Reads all that comes through a pipe, as long as it is not too much. */
import { CodedError } from '../kit/errors.ts'

export async function readStdin(stdin: AsyncIterable<unknown>, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of stdin) {
    const data = Buffer.from(part as Uint8Array | string)
    bytes += data.length
    if (bytes > maxBytes)
      throw new CodedError('RequestEntityTooLarge', `cannot read stdin: it is over ${maxBytes} bytes`)
    parts.push(data)
  }
  return Buffer.concat(parts)
}
