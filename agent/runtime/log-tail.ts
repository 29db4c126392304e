/** Finds where the last lines of a log file begin, reading blocks from its end and not the whole of it. */
import type { FileHandle } from 'node:fs/promises'
import { newline, parseLogLine } from './log-lines.ts'

const blockBytes = 64 * 1024

/** Offset of the first of the last `lines` lines of `file`; a line in several partial records counts once. */
export async function findTail(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat()
  if (lines <= 0) return size
  let found = 0
  for await (const { record, end } of recordsBackwards(file, size)) {
    // The record that ends the line before the first wanted one ends just where we begin.
    if (parseLogLine(record)?.partial === false && ++found > lines) return end
  }
  return 0
}

interface Record {
  record: Buffer
  /** Offset after its line end. */
  end: number
}

/** The complete records of a file, last first. What follows the last line end is still being written. */
async function* recordsBackwards(file: FileHandle, size: number): AsyncGenerator<Record> {
  let rest: Buffer = Buffer.alloc(0)
  let start = size
  while (start > 0) {
    const length = Math.min(blockBytes, start)
    start -= length
    const block = Buffer.alloc(length)
    await file.read(block, 0, length, start)
    rest = Buffer.concat([block, rest])
    let end = rest.lastIndexOf(newline)
    while (end > 0) {
      const before = rest.lastIndexOf(newline, end - 1)
      // Its beginning is in an earlier block, unless the file begins here.
      if (before < 0 && start > 0) break
      yield { record: rest.subarray(before + 1, end), end: start + end + 1 }
      end = before
    }
    rest = rest.subarray(0, end + 1)
  }
}
