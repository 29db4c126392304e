/** A part of an open file as a stream that leaves the file open: Node's own closes it as soon as somebody destroys the stream. */
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
