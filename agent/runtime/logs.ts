/** Reads container logs in CRI's format: `<RFC 3339 nanos> <stdout|stderr> <P|F> <text>`, one record a line. */

export interface LogRecord {
  stream: 'stdout' | 'stderr'
  /** What the container wrote, line end included when it wrote one; with `timestamps`, the time and a space come first. */
  bytes: Uint8Array
}

export interface ReadLogsOptions {
  /** Only the last so many lines. Default all. */
  tailLines?: number
  /** Only lines written at or after this moment, milliseconds since 1970. */
  sinceMs?: number
  timestamps?: boolean
  /** Goes on with what is written later, across rotations, until `signal` aborts. */
  follow?: boolean
  /** Ends the iteration quietly. */
  signal?: AbortSignal
}

/** Rejects with `NotFound` when there is no file at `path` (unless `follow`, which waits for it). */
export async function* readLogs(path: string, options: ReadLogsOptions = {}): AsyncGenerator<LogRecord> {
  throw new Error(`cannot read ${path} ${options.follow}: because this reader is being written`)
  yield* []
}
