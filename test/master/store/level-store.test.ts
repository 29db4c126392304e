/** LevelDB held to the port. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../kit/clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { openLevelStore } from '../../../master/store/level-store.ts'
import type { Store } from '../../../master/store/store.ts'
import { testStoreConformance } from './conformance.ts'
import { openLevel } from './harness.ts'
import { type Subject, testAgainstModel } from './random-transactions.ts'

testStoreConformance((t, limits) => openLevel(t, { limits }))

testAgainstModel(async (): Promise<Subject> => {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-store-'))
  const open = (): Promise<Store> => openLevelStore({ directory, clock: systemClock, log: silentLog })
  let store = await open()
  const reopen = async (): Promise<Store> => {
    await store.close()
    store = await open()
    return store
  }
  const remove = async (): Promise<void> => {
    await store.close()
    await rm(directory, { recursive: true })
  }
  return { store, reopen, remove }
})
