/** What a durable commit costs: alone, with many at once, and without waiting for the disk. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../kit/clock.ts'
import { silentLog } from '../kit/log.ts'
import { openLevelStore } from '../master/store/level-store.ts'
import type { Store } from '../master/store/store.ts'
import type { BenchRow } from './row.ts'

const callers = 64
const warmUpMs = 200
const measureMs = 2000
/** About what a small pod's object has. */
const valueBytes = 1024
const keys = 500

interface Load {
  callers: number
  durable: boolean
}

interface Measured {
  commits: number
  perSecond: number
  syncs: number
  /** What the kernel was given to write to the disk; undefined where it does not say. */
  diskBytes: number | undefined
}

/** In a directory under the system's temporary one, on whatever disk that is. */
export async function benchStore(): Promise<BenchRow[]> {
  const alone = await measure({ callers: 1, durable: true })
  const shared = await measure({ callers, durable: true })
  const loose = await measure({ callers, durable: false })
  const perSync = (shared.commits / shared.syncs).toFixed(0)
  return [
    { name: 'store: durable commits, one at a time', value: alone.perSecond, unit: '/s', note: '1 KiB objects, fsync' },
    {
      name: `store: durable commits, ${callers} callers`,
      value: shared.perSecond,
      unit: '/s',
      note: `${perSync} an fsync`,
    },
    { name: `store: ${callers} callers to one`, value: shared.perSecond / alone.perSecond, unit: 'ratio' },
    { name: 'store: commits not durable', value: loose.perSecond, unit: '/s', note: `${callers} callers` },
    ...diskRow('one at a time', alone),
    ...diskRow(`${callers} callers`, shared),
    ...diskRow('not durable', loose),
  ]
}

function diskRow(name: string, { diskBytes, commits }: Measured): BenchRow[] {
  if (diskBytes === undefined) return []
  return [{ name: `store: written per commit, ${name}`, value: diskBytes / commits / 1024, unit: 'KiB' }]
}

async function measure(load: Load): Promise<Measured> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-bench-'))
  try {
    const counter = { syncs: 0 }
    const onSync = (): void => void counter.syncs++
    const store = await openLevelStore({ directory, clock: systemClock, log: silentLog, onSync })
    try {
      await commitFor(store, load, warmUpMs)
      return await measureOpen(store, load, counter)
    } finally {
      await store.close()
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function measureOpen(store: Store, load: Load, counter: { syncs: number }): Promise<Measured> {
  const before = { syncs: counter.syncs, bytes: await writtenBytes() }
  const begin = systemClock.monotonic()
  const commits = await commitFor(store, load, measureMs)
  const seconds = (systemClock.monotonic() - begin) / 1000
  const bytes = await writtenBytes()
  const diskBytes = before.bytes === undefined || bytes === undefined ? undefined : bytes - before.bytes
  return { commits, perSecond: commits / seconds, syncs: counter.syncs - before.syncs, diskBytes }
}

/** Resolves to how many commits were acknowledged. */
async function commitFor(store: Store, load: Load, durationMs: number): Promise<number> {
  // Hexadecimal: LevelDB compresses it about as well as an object's JSON.
  const text = randomBytes(valueBytes / 2).toString('hex')
  const end = systemClock.monotonic() + durationMs
  let commits = 0
  const call = async (caller: number): Promise<void> => {
    for (let n = caller; systemClock.monotonic() < end; n += load.callers) {
      const operation = { type: 'put' as const, key: `bench/${n % keys}`, value: { n, text } }
      await store.commit([operation], { durable: load.durable })
      commits += 1
    }
  }
  await Promise.all(Array.from({ length: load.callers }, (_, caller) => call(caller)))
  return commits
}

/** proc(5), `/proc/pid/io`: bytes that this process caused to be sent to the storage layer. */
async function writtenBytes(): Promise<number | undefined> {
  const text = await readFile('/proc/self/io', 'utf8').catch(() => '')
  const match = /^write_bytes: (\d+)$/m.exec(text)
  return match ? Number(match[1]) : undefined
}
