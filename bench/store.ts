/** How many commits a second the master acknowledges from its disk, alone and with many writers that share an fsync. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../kit/clock.ts'
import { silentLog } from '../kit/log.ts'
import { openLevelStore } from '../master/store/level-store.ts'
import type { Store } from '../master/store/store.ts'
import type { BenchRow } from './row.ts'

const runMs = 2000
const writers = 64
const valueBytes = 1024

/** On the disk that holds this folder: the temporary one may be memory, where an fsync costs nothing. */
export async function benchStore(parent: string = process.cwd()): Promise<BenchRow[]> {
  const directory = await mkdtemp(join(parent, '.bench-store-'))
  try {
    const counted = { syncs: 0 }
    const onSync = (): void => {
      counted.syncs++
    }
    const store = await openLevelStore({ directory, clock: systemClock, log: silentLog, onSync })
    try {
      return await measure(store, counted)
    } finally {
      await store.close()
    }
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function measure(store: Store, counted: { syncs: number }): Promise<BenchRow[]> {
  const single = await commitsPerSecond(store, 1)
  const syncsBefore = counted.syncs
  const grouped = await commitsPerSecond(store, writers)
  const perSync = grouped.commits / Math.max(1, counted.syncs - syncsBefore)
  const what = `${valueBytes} B values, fsync before each acknowledgement`
  return [
    { name: 'store: commits, one writer', value: Math.round(single.perSecond), unit: '/s', note: what },
    { name: `store: commits, ${writers} writers`, value: Math.round(grouped.perSecond), unit: '/s', note: what },
    { name: 'store: commits that share an fsync', value: round(perSync), unit: '', note: `${writers} writers` },
    { name: 'store: gain of sharing', value: round(grouped.perSecond / single.perSecond), unit: '×' },
  ]
}

async function commitsPerSecond(store: Store, concurrency: number): Promise<{ perSecond: number; commits: number }> {
  const start = performance.now()
  let commits = 0
  const write = async (writer: number): Promise<void> => {
    for (let index = 0; performance.now() - start < runMs; index++) {
      const value = { index, padding: 'x'.repeat(valueBytes) }
      await store.commit([{ type: 'put', key: `configmaps/bench/${writer}-${index % 1000}`, value }])
      commits++
    }
  }
  await Promise.all(Array.from({ length: concurrency }, (_, writer) => write(writer)))
  return { perSecond: commits / ((performance.now() - start) / 1000), commits }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
