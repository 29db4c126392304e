/** Brings a directory of LevelDB to today's format, and makes sure after an unclean stop that no revision is used twice. */
import { CodedError } from '../../kit/errors.ts'
import type { LevelDatabase } from './level-database.ts'
import { formatKey, type LogRecord, logKey, type Migration, migrations, type State, stateKey } from './level-layout.ts'

/** `recovered`: the store was not closed by whoever had it before. */
export async function openLayout(
  database: LevelDatabase,
  steps: Migration[] = migrations,
): Promise<{ state: State; recovered: boolean }> {
  await migrate(database, steps)
  const before = await readState(database)
  // Whoever opens the store is a new master: what an older one says from now on counts for nothing (see Store.epoch).
  const state = { ...before, epoch: before.epoch + 1 }
  if (before.ceiling !== before.revision) return { state: await skipToCeiling(database, state), recovered: true }
  await database.write([{ type: 'put', key: stateKey, value: JSON.stringify(state) }], { sync: true })
  return { state, recovered: false }
}

/** Each migration is one synced write that also moves the format number: a power cut leaves it done or not begun. */
async function migrate(database: LevelDatabase, steps: Migration[]): Promise<void> {
  const format = Number((await database.get(formatKey)) ?? 0)
  const newest = steps.at(-1)?.number ?? 0
  if (format > newest) {
    const why = `its format is ${format}, and this version of Flotilla reads up to ${newest}`
    throw new CodedError('ServiceUnavailable', `cannot open the store: because ${why}; install the newer version again`)
  }
  for (const { number, run } of steps.filter(step => step.number > format)) {
    const puts = [...(await run(key => database.get(key))), { key: formatKey, value: String(number) }]
    await database.write(
      puts.map(put => ({ type: 'put' as const, ...put })),
      { sync: true },
    )
  }
}

async function readState(database: LevelDatabase): Promise<State> {
  const text = await database.get(stateKey)
  try {
    const state = JSON.parse(text ?? '') as State
    if ([state.revision, state.epoch, state.ceiling].every(Number.isSafeInteger)) return state
    throw new Error(`found ${text}`)
  } catch (error) {
    const why = 'its state record is damaged; restore a backup'
    throw new CodedError('ServiceUnavailable', `cannot open the store: because ${why}`, { cause: error })
  }
}

/** See `State.ceiling`. The mark in the change log makes watchers list anew that have seen what may be lost. */
async function skipToCeiling(database: LevelDatabase, state: State): Promise<State> {
  const recovered = { ...state, revision: state.ceiling }
  const mark = JSON.stringify({ gapSince: state.revision } satisfies LogRecord)
  const writes = [
    { type: 'put' as const, key: logKey(state.ceiling), value: mark },
    { type: 'put' as const, key: stateKey, value: JSON.stringify(recovered) },
  ]
  await database.write(writes, { sync: true })
  return recovered
}
