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
  if (value instanceof Error) return JSON.stringify(causes(value))
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}

function causes(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${causes(error.cause)}` : error.message
}
