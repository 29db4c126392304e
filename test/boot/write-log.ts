/**
 * Everything that a guest wrote to its card and when it flushed, as QEMU's blklogwrites tells it: read back, and replayed onto a copy of
 * the card as it was, up to any moment, as a card would look that loses what it was not told to keep.
 * Format: the kernel's Documentation/admin-guide/device-mapper/log-writes.rst.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'

export interface LoggedWrite {
  type: 'write' | 'discard'
  /** In bytes of the card. */
  offset: number
  length: number
  /** In bytes of the log; of writes only. */
  dataAt: number
}

/** One flush acknowledged to the guest: all that came before is on the card for good. */
export interface LoggedFlush {
  type: 'flush'
}

export type LogEntry = LoggedWrite | LoggedFlush

const magic = 0x6a736677736872n
const flag = { flush: 1, discard: 4, mark: 8 }
const headerBytes = 32
/** A log of an hour is shorter. */
const maxEntries = 5_000_000

/** All that is there, also behind what the log's own count says: that is only brought up to date by flushes, and QEMU may have been killed. */
export function readWriteLog(path: string): LogEntry[] {
  const file = openSync(path, 'r')
  try {
    const end = fstatSync(file).size
    const head = readAt(file, 0, 28)
    if (head.readBigUInt64LE(0) !== magic) throw new Error(`${path} is no log of writes`)
    const sectorBytes = head.readUInt32LE(24)
    const entries: LogEntry[] = []
    let position = sectorBytes
    while (position + sectorBytes <= end && entries.length < maxEntries) {
      const header = readAt(file, position, headerBytes)
      const [at = 0, length = 0, flags = 0, dataLength = 0] = [0, 8, 16, 24].map(field =>
        Number(header.readBigUInt64LE(field)),
      )
      // Room that QEMU had made for an entry that it was killed before writing.
      if (length === 0 && flags === 0) break
      position += sectorBytes
      const bytes = (flags & flag.discard) !== 0 ? 0 : (flags & flag.mark) === 0 ? length * sectorBytes : dataLength
      if (position + bytes > end) break
      entries.push(...readEntry(flags, { at: at * sectorBytes, length: length * sectorBytes, position }))
      position += bytes
    }
    return entries
  } finally {
    closeSync(file)
  }
}

/** Writes these onto `card`, in their order. */
export function replayWrites(log: string, card: string, entries: LogEntry[]): void {
  const [from, to] = [openSync(log, 'r'), openSync(card, 'r+')]
  try {
    for (const entry of entries) {
      // A card may do with a discard what it likes: ours keeps what was there.
      if (entry.type === 'write') writeSync(to, readAt(from, entry.dataAt, entry.length), 0, entry.length, entry.offset)
    }
  } finally {
    closeSync(from)
    closeSync(to)
  }
}

/**
 * What a card holds that loses its power at the `cut`-th entry: all that was flushed by then, and of what came after the last flush only
 * what `keeps` says, in whatever order the card took it.
 */
export function survivors(entries: LogEntry[], cut: number, keeps: (entry: LogEntry) => boolean): LogEntry[] {
  const done = entries.slice(0, cut)
  const flushed = done.findLastIndex(({ type }) => type === 'flush') + 1
  return [...done.slice(0, flushed), ...done.slice(flushed).filter(keeps)]
}

/** QEMU notes a flush as an entry of no length; a write that demands it is followed by one. */
function readEntry(
  flags: number,
  { at, length, position }: { at: number; length: number; position: number },
): LogEntry[] {
  if ((flags & flag.mark) !== 0) return []
  const flush: LogEntry[] = (flags & flag.flush) === 0 ? [] : [{ type: 'flush' }]
  if (length === 0) return flush
  const type = (flags & flag.discard) === 0 ? 'write' : 'discard'
  return [...flush, { type, offset: at, length, dataAt: position }]
}

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  const count = readSync(file, bytes, 0, length, position)
  if (count !== length) throw new Error(`a log of writes ends in the middle of an entry, at ${position}`)
  return bytes
}
