/** What the tests of the store share: engines to open, directories that go again, watches written down as they happen. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { systemClock } from '../../../kit/clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { type LevelStoreOptions, openLevelStore } from '../../../master/store/level-store.ts'
import type { Store, StoreEvent, Watch } from '../../../master/store/store.ts'

export async function makeDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-store-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Closed after the test at the latest; in a directory of its own unless one is given. */
export async function openLevel(t: ExecutionContext, options: Partial<LevelStoreOptions> = {}): Promise<Store> {
  const directory = options.directory ?? (await makeDirectory(t))
  const store = await openLevelStore({ clock: systemClock, log: silentLog, ...options, directory })
  t.teardown(() => store.close())
  return store
}

/** Commits one object, the fields of which are of no interest. */
export function put(store: Store, key: string, value: object = {}): Promise<number> {
  return store.commit([{ type: 'put', key, value }])
}

export interface Follower {
  events: StoreEvent[]
  /** Resolves to what the iteration threw, or to undefined when it ended by itself. */
  ended: Promise<unknown>
}

export function follow(watch: Watch): Follower {
  const events: StoreEvent[] = []
  const iterate = async (): Promise<unknown> => {
    try {
      for await (const event of watch) events.push(event)
      return undefined
    } catch (error) {
      return error
    }
  }
  return { events, ended: iterate() }
}
