/** Parts of an open file, which stays open: Node's own streams close it as soon as somebody destroys them. */
import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'

const pieceBytes = 256 * 1024

export interface Range {
  start: number
  /** Exclusive. */
  end: number
}

/** Ends early where the file does. */
export function streamRange(file: FileHandle, range: Range): Readable {
  return Readable.from(readRange(file, range), { objectMode: false, highWaterMark: pieceBytes })
}

export async function* readRange(file: FileHandle, { start, end }: Range): AsyncGenerator<Buffer> {
  for (let at = start; at < end; ) {
    const length = Math.min(pieceBytes, end - at)
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, at)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}

/** Fewer bytes than asked for only at the end of the file. */
export type ReadAt = (position: number, length: number) => Promise<Buffer>

const windowBytes = 4096

/** For many small reads, one not far behind the other. */
export function createFileWindow(file: FileHandle): ReadAt {
  let start = 0
  let window = Buffer.alloc(0)
  return async (position, length) => {
    if (position < start || position + length > start + window.length) {
      const wanted = Math.max(length, windowBytes)
      const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, position)
      start = position
      window = buffer.subarray(0, bytesRead)
    }
    return window.subarray(position - start, position - start + length)
  }
}
