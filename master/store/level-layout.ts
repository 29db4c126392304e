/**
 * How the store lies in LevelDB, and the numbered migrations that lead there. Everything is JSON.
 *
 *     m/format           number of the last migration that ran
 *     m/state            State, written with every group of commits
 *     m/compacted        the newest revision that the change log has forgotten
 *     l/<revision>       LogRecord: what one commit changed; 16 digits, so that order is number
 *     o/<key>            {"revision": …, "value": …}
 */
import type { StoreEvent } from './store.ts'

export const formatKey = 'm/format'
export const stateKey = 'm/state'
export const compactedKey = 'm/compacted'
export const logPrefix = 'l/'
export const objectPrefix = 'o/'
/** Follows every key that starts with what it is appended to: the last code point, which is no character and in no name. */
export const afterAll = '\u{10ffff}'

export interface State {
  revision: number
  epoch: number
  /**
   * Revisions up to here may have been handed out. It is raised in blocks, each with an fsync before the first revision
   * of the block is seen by anyone. A store that finds `revision` below it was not closed: commits that were not synced may be
   * lost, so it goes on from the ceiling and no revision ever means two things. A clean close lowers it to `revision`.
   */
  ceiling: number
}

/** `gapSince`: after an unclean stop; what was committed between `gapSince` and this revision, if anything, is lost. */
export type LogRecord = { changes: LoggedChange[] } | { gapSince: number }
/** A put does not repeat the value: whoever replays takes it from the object, or skips it when a later one follows. */
export type LoggedChange = { put: string } | { delete: string; previous: unknown }

export interface Stored {
  revision: number
  value: unknown
}

export function logKey(revision: number): string {
  return `${logPrefix}${String(revision).padStart(16, '0')}`
}

export function revisionOfLogKey(key: string): number {
  return Number(key.slice(logPrefix.length))
}

export function objectRecord(revision: number, text: string): string {
  return `{"revision":${revision},"value":${text}}`
}

export function logRecord(events: StoreEvent[]): string {
  const changes = events.map(event =>
    event.type === 'put' ? { put: event.key } : { delete: event.key, previous: event.previous },
  )
  return JSON.stringify({ changes } satisfies LogRecord)
}

/** One step of the format: what to put, given what is there. Never change one that was released; add the next. */
export interface Migration {
  number: number
  what: string
  run: (read: (key: string) => Promise<string | undefined>) => Promise<Array<{ key: string; value: string }>>
}

export const migrations: Migration[] = [
  {
    number: 1,
    what: 'an empty store',
    run: async () => [
      { key: stateKey, value: JSON.stringify({ revision: 0, epoch: 0, ceiling: 0 } satisfies State) },
      { key: compactedKey, value: '0' },
    ],
  },
]
