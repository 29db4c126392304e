/** Structured logs, one `key=value` line an event, on stderr: journald and a person read the same line. */
import { type Clock, systemClock } from './clock.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'
export type Fields = Record<string, unknown>

export interface Log {
  debug(message: string, fields?: Fields): void
  info(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  error(message: string, fields?: Fields): void
  /** A log whose every line also carries `fields`. */
  with(fields: Fields): Log
}

const rank: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 }

export interface LogOptions {
  level?: Level
  clock?: Clock
  write?: (line: string) => void
}

export function createLog(options: LogOptions = {}, bound: Fields = {}): Log {
  const { level = 'info', clock = systemClock, write = line => process.stderr.write(line) } = options
  const emit =
    (at: Level) =>
    (message: string, fields: Fields = {}): void => {
      if (rank[at] < rank[level]) return
      const head = `${new Date(clock.now()).toISOString()} ${at.padEnd(5)} ${message}`
      write(`${head}${renderFields({ ...bound, ...fields })}\n`)
    }
  return {
    debug: emit('debug'),
    info: emit('info'),
    warn: emit('warn'),
    error: emit('error'),
    with: fields => createLog(options, { ...bound, ...fields }),
  }
}

/** For tests and for rooms that were given no log. */
export const silentLog: Log = createLog({ write: () => undefined })

function renderFields(fields: Fields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${renderValue(value)}`)
    .join('')
}

function renderValue(value: unknown): string {
  const text = typeof value === 'string' ? value : value instanceof Error ? renderCauses(value) : renderJson(value)
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}

/** A line of log never throws: what has no JSON (a circle, a BigInt) is written as text. */
function renderJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}

/** More causes than any chain of ours has; a chain may bite its own tail. */
const maxCauses = 8

function renderCauses(error: Error, depth = 0): string {
  if (!(error.cause instanceof Error) || depth >= maxCauses) return error.message
  return `${error.message}: ${renderCauses(error.cause, depth + 1)}`
}
