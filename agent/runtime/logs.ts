/** Reads container logs in CRI's format, from their end or from a moment on, and goes on with what is written later. */
import { type FileHandle, open, stat } from 'node:fs/promises'
import { type Clock, systemClock } from '../../kit/clock.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { LogWatch } from './log-follow.ts'
import { type LogLine, newline, parseLogLine } from './log-lines.ts'
import { findTail } from './log-tail.ts'

/** What a container wrote to one of its streams: whole lines, several at once where they came at once. */
export interface LogChunk {
  stream: 'stdout' | 'stderr'
  bytes: Uint8Array
}

export interface ReadLogsOptions {
  /** Only the last so many lines. Default all. */
  tailLines?: number
  /** Only lines written at or after this moment, milliseconds since 1970. */
  sinceMs?: number
  /** Puts its time and a space before each line. */
  timestamps?: boolean
  /** Goes on with what is written later, across rotations, until `signal` aborts or `isOver` says so. */
  follow?: boolean
  /** Asked at the end of the file when following: true when the container writes no more. */
  isOver?: () => boolean | Promise<boolean>
  /** Ends the iteration quietly. */
  signal?: AbortSignal
  clock?: Clock
}

const blockBytes = 64 * 1024
const maxChunkBytes = 32 * 1024
/** containerd cuts lines at 16 KiB; what goes on for longer without a line end is no log of its. */
const maxRecordBytes = 1024 * 1024

/** Rejects with `NotFound` when there is no file at `path` (unless `follow`, which waits for it). */
export async function* readLogs(path: string, options: ReadLogsOptions = {}): AsyncGenerator<LogChunk> {
  const { tailLines, follow = false, signal = new AbortController().signal, clock = systemClock, isOver } = options
  const watch = follow ? new LogWatch(path, clock, signal) : undefined
  let reader: LogReader | undefined
  // One more look after the container ended: its last lines may have come between our read and its end.
  let last = !follow
  try {
    while (!signal.aborted) {
      reader ??= await openReader(path, { follow, tailLines, options })
      if (reader) yield* reader.read(signal)
      if (reader && (await reader.isRotated(path))) {
        yield* reader.read(signal)
        await reader.close()
        reader = await openReader(path, { follow, tailLines: undefined, options })
        continue
      }
      if (last) return
      last = (await isOver?.()) === true
      if (!last) await watch?.changed()
    }
  } finally {
    watch?.close()
    await reader?.close()
  }
}

interface Opening {
  follow: boolean
  tailLines: number | undefined
  options: ReadLogsOptions
}

async function openReader(path: string, { follow, tailLines, options }: Opening): Promise<LogReader | undefined> {
  try {
    const file = await open(path, 'r')
    return new LogReader(file, tailLines === undefined ? 0 : await findTail(file, tailLines), options)
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    if (missing && follow) return undefined
    const code = missing ? 'NotFound' : 'InternalError'
    throw new CodedError(code, `cannot read the log ${path}: because ${messageOf(error)}`, { cause: error })
  }
}

/** One open file and how far it has been read. */
class LogReader {
  #file: FileHandle
  #offset: number
  #options: ReadLogsOptions
  #rest: Buffer = Buffer.alloc(0)
  #block = Buffer.alloc(blockBytes)
  /** Streams whose last record was a piece of a line: the next piece gets no time of its own. */
  #within = new Set<string>()

  constructor(file: FileHandle, offset: number, options: ReadLogsOptions) {
    this.#file = file
    this.#offset = offset
    this.#options = options
  }

  /** All that is there now. */
  async *read(signal: AbortSignal): AsyncGenerator<LogChunk> {
    while (!signal.aborted) {
      const { bytesRead } = await this.#file.read(this.#block, 0, blockBytes, this.#offset)
      if (bytesRead === 0) return
      this.#offset += bytesRead
      const bytes = Buffer.concat([this.#rest, this.#block.subarray(0, bytesRead)])
      const end = bytes.lastIndexOf(newline) + 1
      this.#rest = bytes.subarray(end)
      if (this.#rest.length > maxRecordBytes) this.#rest = Buffer.alloc(0)
      yield* this.#chunks(splitRecords(bytes.subarray(0, end)))
    }
  }

  /** True when `path` is now another file. A file that was cut short is read again from its start. */
  async isRotated(path: string): Promise<boolean> {
    const mine = await this.#file.stat()
    if (mine.size < this.#offset) {
      this.#offset = 0
      this.#rest = Buffer.alloc(0)
    }
    const now = await stat(path).catch(() => undefined) // between rename and reopen there is none
    return now !== undefined && now.ino !== mine.ino
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  *#chunks(records: Iterable<Buffer>): Generator<LogChunk> {
    let stream: LogChunk['stream'] = 'stdout'
    let pieces: Buffer[] = []
    let size = 0
    for (const record of records) {
      const line = parseLogLine(record)
      if (!line || !this.#isWanted(line)) continue
      const bytes = this.#render(line)
      if (size > 0 && (line.stream !== stream || size + bytes.length > maxChunkBytes)) {
        yield { stream, bytes: Buffer.concat(pieces) }
        pieces = []
        size = 0
      }
      stream = line.stream
      pieces.push(bytes)
      size += bytes.length
    }
    if (size > 0) yield { stream, bytes: Buffer.concat(pieces) }
  }

  #isWanted({ timestamp }: LogLine): boolean {
    const { sinceMs } = this.#options
    return sinceMs === undefined || Date.parse(timestamp) >= sinceMs
  }

  #render({ timestamp, stream, partial, text }: LogLine): Buffer {
    const goesOn = this.#within.has(stream)
    if (partial) this.#within.add(stream)
    else this.#within.delete(stream)
    const head = this.#options.timestamps && !goesOn ? `${timestamp} ` : ''
    return Buffer.concat([Buffer.from(head), text, Buffer.from(partial ? '' : '\n')])
  }
}

function* splitRecords(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(newline, start)
    yield bytes.subarray(start, end)
    start = end + 1
  }
}
