/** How much is in an .xz file, by the index at its end (the .xz file format 1.2.1, 2.1.2 and 4). */
import type { FileHandle } from 'node:fs/promises'

const footerBytes = 12
const headerBytes = 12
/** An index of 16 MiB is one of a million blocks. */
const maxIndexBytes = 16 * 1024 * 1024
/** Zeros between streams. A file that ends in more of them is a download that was not finished. */
const maxPaddingBytes = 64 * 1024

/** Bytes when unpacked. Throws what is wrong when the file ends early. */
export async function sizeOfXz(file: FileHandle, bytes: number): Promise<number> {
  let size = 0
  let padding = 0
  for (let end = bytes; end > 0; ) {
    const stream = await readLastStream(file, end)
    if (stream === 'padding') {
      end -= 4
      padding += 4
      if (padding > maxPaddingBytes) throw new Error('it ends in zeros')
      continue
    }
    size += stream.size
    end -= stream.length
  }
  return size
}

/** Streams may follow one another, with zeros between them in fours: the last one before `end`. */
async function readLastStream(file: FileHandle, end: number): Promise<{ size: number; length: number } | 'padding'> {
  if (end < headerBytes + footerBytes) throw new Error('it ends early')
  const footer = await readAt(file, end - footerBytes, footerBytes)
  if (footer.readUInt32LE(8) === 0) return 'padding'
  if (footer.toString('latin1', 10) !== 'YZ') throw new Error('it ends early')
  const indexBytes = (footer.readUInt32LE(4) + 1) * 4
  const indexAt = end - footerBytes - indexBytes
  if (indexBytes > maxIndexBytes || indexAt < headerBytes) throw new Error('its index is damaged')
  const { size, blockBytes } = sumIndex(await readAt(file, indexAt, indexBytes))
  const length = headerBytes + blockBytes + indexBytes + footerBytes
  if (length > end) throw new Error('its index is damaged')
  return { size, length }
}

function sumIndex(index: Buffer): { size: number; blockBytes: number } {
  const cursor = { at: 1 }
  const records = readNumber(index, cursor)
  const sum = { size: 0, blockBytes: 0 }
  for (let record = 0; record < records; record++) {
    sum.blockBytes += Math.ceil(readNumber(index, cursor) / 4) * 4
    sum.size += readNumber(index, cursor)
  }
  return sum
}

/** Seven bits a byte, the lowest first (1.2 of the format). Nine bytes at most; beyond 2^53 no disk is. */
function readNumber(index: Buffer, cursor: { at: number }): number {
  let value = 0
  for (let digit = 0; digit < 9; digit++) {
    const byte = index[cursor.at++]
    if (byte === undefined) break
    value += (byte & 0x7f) * 2 ** (7 * digit)
    if ((byte & 0x80) === 0) return value
  }
  throw new Error('its index is damaged')
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
  if (bytesRead < length) throw new Error('it ends early')
  return buffer
}
