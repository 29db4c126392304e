/** What reaches the disk, and when: shared fsyncs, power cuts, damage, two masters, a full disk. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { hasCode } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { seededRandom } from '../../../kit/random.ts'
import { LevelDatabase } from '../../../master/store/level-database.ts'
import { logPrefix, migrations } from '../../../master/store/level-layout.ts'
import { openLayout } from '../../../master/store/open-layout.ts'
import type { Store } from '../../../master/store/store.ts'
import { eventually } from '../../kit/eventually.ts'
import { follow, makeDirectory, openLevel, put } from './harness.ts'

async function countingSyncs(t: ExecutionContext): Promise<{ store: Store; clock: FakeClock; syncs: () => number }> {
  const clock = new FakeClock()
  let count = 0
  const onSync = (): void => void count++
  const store = await openLevel(t, { clock, onSync, limits: { flushMs: 1000, revisionBlock: 500 } })
  // The first commit reserves revisions, with an fsync whatever it is.
  await put(store, 'first')
  return { store, clock, syncs: () => count }
}

test('64 who commit at once share the fsyncs; one after the other has its own', async t => {
  const { store, syncs } = await countingSyncs(t)
  const before = syncs()
  const revisions = await Promise.all(Array.from({ length: 64 }, (_, n) => put(store, `k${n}`)))
  t.true(syncs() - before <= 2, `${syncs() - before} fsyncs`)
  t.is(new Set(revisions).size, 64)
  const between = syncs()
  for (let n = 0; n < 5; n++) await put(store, `k${n}`)
  t.is(syncs() - between, 5)
})

test('what need not be durable costs no fsync of its own, and is on the disk after the flush time at the latest', async t => {
  const { store, clock, syncs } = await countingSyncs(t)
  const before = syncs()
  for (let n = 0; n < 9; n++) {
    await store.commit([{ type: 'put', key: 'status', value: { n } }], { durable: false })
    await clock.advance(100)
  }
  t.is(syncs(), before)
  // Commits keep coming: they must not put the flush off.
  await clock.advance(100)
  await eventually('the flush', () => syncs() === before + 1)
  await clock.advance(10_000)
  t.is(syncs(), before + 1)
})

test('a durable commit takes the others to the disk with it', async t => {
  const { store, clock, syncs } = await countingSyncs(t)
  const before = syncs()
  await store.commit([{ type: 'put', key: 'status', value: {} }], { durable: false })
  await put(store, 'wish')
  t.is(syncs(), before + 1)
  await clock.advance(10_000)
  t.is(syncs(), before + 1)
})

test('a store that is opened again goes on where it was', async t => {
  const directory = await makeDirectory(t)
  const first = await openLevel(t, { directory })
  await put(first, 'a', { x: 1 })
  await first.commit([{ type: 'put', key: 'b', value: {} }], { durable: false })
  await first.close()
  const second = await openLevel(t, { directory })
  t.is(second.revision, 2)
  t.is(second.epoch, first.epoch + 1, 'each master that opens the store outweighs the one before')
  t.deepEqual(await second.get('a'), { key: 'a', value: { x: 1 }, revision: 1 })
  const watcher = follow(second.watch('', 1))
  t.is(await put(second, 'c'), 3)
  await eventually('both changes', () => watcher.events.length === 2)
  t.deepEqual(
    watcher.events.map(event => event.revision),
    [2, 3],
  )
})

test('a store that is closed ends also those watches that still read what is past', async t => {
  const directory = await makeDirectory(t)
  const filled = await openLevel(t, { directory })
  for (let n = 0; n < 300; n++) await filled.commit([{ type: 'put', key: `k${n}`, value: {} }], { durable: false })
  await filled.close()
  // Opened anew it has nothing to write when it closes, so that the first read is still under way.
  const store = await openLevel(t, { directory })
  const watchers = Array.from({ length: 20 }, () => follow(store.watch('', 0)))
  await store.close()
  for (const { ended } of watchers) t.is(await ended, undefined)
  t.true(watchers.every(({ events }) => events.length < 300))
})

/** LevelDB's write-ahead log, as it lies on the disk. */
async function walOf(directory: string): Promise<{ path: string; bytes: number }> {
  const names = (await readdir(directory)).filter(name => /^\d+\.log$/.test(name)).sort()
  const path = join(directory, names.at(-1)!)
  return { path, bytes: (await stat(path)).size }
}

test('after a power cut, at any byte that was not synced, acknowledged commits are there and no revision comes again', async t => {
  const directory = await makeDirectory(t)
  const clock = new FakeClock()
  const store = await openLevel(t, { directory, clock, limits: { revisionBlock: 50 } })
  for (let n = 0; n < 60; n++) await put(store, `durable${n % 20}`, { n })
  const synced = (await walOf(directory)).bytes
  const acknowledged = store.revision
  for (let n = 0; n < 30; n++) await store.commit([{ type: 'put', key: `lost${n}`, value: {} }], { durable: false })
  const seen = store.revision
  const { bytes } = await walOf(directory)
  t.true(bytes > synced && bytes < 1024 * 1024)
  const random = seededRandom(7)
  for (const share of [0, ...Array.from({ length: 6 }, () => random.number()), 1]) {
    const copy = join(await makeDirectory(t), 'copy')
    await cp(directory, copy, { recursive: true })
    await truncate((await walOf(copy)).path, Math.floor(synced + share * (bytes - synced)))
    const recovered = await openLevel(t, { directory: copy, clock })
    t.is((await recovered.list('durable')).entries.length, 20)
    t.deepEqual((await recovered.get('durable19'))?.value, { n: 59 })
    t.true(recovered.revision >= seen, 'a revision that somebody saw would be given out again')
    t.true((await put(recovered, 'next')) > seen)
    const late = follow(recovered.watch('', seen))
    // Who has seen what is lost must list anew; when nothing is lost, there is nothing to tell.
    if (!(await recovered.get('lost29'))) t.true(hasCode(await late.ended, 'Expired'))
    const early = follow(recovered.watch('', acknowledged))
    await eventually('the new change', () => early.events.some(event => event.key === 'next'))
    await recovered.close()
  }
})

interface Acknowledged {
  kind: 'durable' | 'visible'
  key: string
  revision: number
}

/** Runs commits in a process of their own; `acknowledged` grows as it tells of them. */
async function startCommitter(
  t: ExecutionContext,
  directory: string,
  prefix: string,
): Promise<{ child: ChildProcess; acknowledged: Acknowledged[] }> {
  const script = join(import.meta.dirname, 'committer.ts')
  const child = spawn(process.execPath, [script, directory, prefix], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  return { child, acknowledged: readLines(child) }
}

/** Whole lines only: a line that was cut by the kill was not told. */
function readLines(child: ChildProcess): Acknowledged[] {
  const acknowledged: Acknowledged[] = []
  let rest = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [kind, key, revision] = line.split(' ') as [Acknowledged['kind'], string, string]
      acknowledged.push({ kind, key, revision: Number(revision) })
    }
  })
  return acknowledged
}

test('SIGKILL at any moment loses nothing acknowledged, frees the lock, and revisions only grow', async t => {
  const directory = await makeDirectory(t)
  const random = seededRandom(Date.now())
  const all: Acknowledged[] = []
  let highest = 0
  for (let round = 0; round < 6; round++) {
    const { child, acknowledged } = await startCommitter(t, directory, `r${round}`)
    const enough = 1 + Math.floor(random.number() * 400)
    await eventually(`${enough} commits`, () => acknowledged.length >= enough || child.exitCode !== null)
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
    const revisions = acknowledged.map(({ revision }) => revision)
    t.true(revisions.length >= enough)
    t.is(new Set(revisions).size, revisions.length)
    t.true(Math.min(...revisions) > highest, 'a revision came again')
    highest = Math.max(...revisions)
    all.push(...acknowledged)
  }
  const store = await openLevel(t, { directory })
  t.true(store.revision >= highest)
  const stored = new Map((await store.list('')).entries.map(({ key, revision }) => [key, revision]))
  const missing = all.filter(({ kind, key, revision }) => kind === 'durable' && stored.get(key) !== revision)
  t.deepEqual(missing, [])
  t.true(all.some(({ kind }) => kind === 'visible'))
})

test('a disk that refuses a write stops all commits, and what was acknowledged before is whole', async t => {
  const directory = await makeDirectory(t)
  const script = join(import.meta.dirname, 'committer.ts')
  // Blocks of 512 bytes: no file may grow beyond 200 KiB, as if the disk were full.
  const command = `ulimit -f 400; exec "$0" "$@"`
  const child = spawn('sh', ['-c', command, process.execPath, script, directory, 'full'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const acknowledged = readLines(child)
  const [exitCode] = await once(child, 'close')
  t.is(exitCode, 3, 'the committer says with 3 that its store has failed and refuses a small commit too')
  t.true(acknowledged.length > 10)
  const store = await openLevel(t, { directory })
  for (const { key, revision } of acknowledged) t.is((await store.get(key))?.revision, revision)
  t.true((await put(store, 'room again')) > Math.max(...acknowledged.map(({ revision }) => revision)))
})

test('a second master is told that the first has the directory', async t => {
  const directory = await makeDirectory(t)
  const first = await openLevel(t, { directory })
  const error = await t.throwsAsync(openLevel(t, { directory }), { code: 'Conflict' })
  t.is(error.message, `cannot open the store: because another master is using ${directory}`)
  await first.close()
  await t.notThrowsAsync(openLevel(t, { directory }))
})

test('a path that is no directory is named', async t => {
  const file = join(await makeDirectory(t), 'file')
  await writeFile(file, '')
  const error = await t.throwsAsync(openLevel(t, { directory: file }), { code: 'ServiceUnavailable' })
  t.true(error.message.startsWith(`cannot open the store: because ${file}: `))
})

test('damaged files are called damaged, and left as they are', async t => {
  const directory = await makeDirectory(t)
  const store = await openLevel(t, { directory })
  await put(store, 'a')
  await store.close()
  await writeFile(join(directory, 'CURRENT'), 'MANIFEST-999999\n')
  await t.throwsAsync(openLevel(t, { directory }), { code: 'ServiceUnavailable', message: /cannot open the store/ })
  const manifest = (await readdir(directory)).find(name => name.startsWith('MANIFEST'))!
  await writeFile(join(directory, 'CURRENT'), `${manifest}\n`)
  await writeFile(join(directory, manifest), 'garbage '.repeat(100))
  await t.throwsAsync(openLevel(t, { directory }), { code: 'ServiceUnavailable', message: /damaged.*restore a backup/ })
  t.is(await readFile(join(directory, manifest), 'utf8'), 'garbage '.repeat(100))
})

test('files that are not the store’s do it no harm', async t => {
  const directory = await makeDirectory(t)
  const store = await openLevel(t, { directory })
  await put(store, 'a')
  await store.close()
  await mkdir(join(directory, 'lost+found'))
  await writeFile(join(directory, 'notes.txt'), 'garbage')
  await writeFile(join(directory, '000999.ldb'), 'garbage')
  const again = await openLevel(t, { directory })
  t.is((await again.get('a'))?.revision, 1)
})

for (const [what, text] of [
  ['no JSON', 'garbage'],
  ['a number that is none', '{"revision":1,"epoch":"x","ceiling":2}'],
] as const) {
  test(`a state record with ${what} is refused`, async t => {
    const directory = await makeDirectory(t)
    await (await openLevel(t, { directory })).close()
    const database = await LevelDatabase.open(directory)
    await database.write([{ type: 'put', key: 'm/state', value: text }], { sync: true })
    await database.close()
    await t.throwsAsync(openLevel(t, { directory }), { code: 'ServiceUnavailable', message: /state record is damaged/ })
  })
}

test('an object’s record that is damaged is named when it is read, and can be written over', async t => {
  const directory = await makeDirectory(t)
  await (await openLevel(t, { directory })).close()
  const database = await LevelDatabase.open(directory)
  await database.write([{ type: 'put', key: 'o/a', value: '{"revis' }], { sync: true })
  await database.close()
  const store = await openLevel(t, { directory })
  await t.throwsAsync(store.get('a'), {
    code: 'ServiceUnavailable',
    message: 'cannot read a: because its record in the store is damaged',
  })
  t.is(await put(store, 'b'), 1)
})

test('each migration runs once, in order, and a store from the future is refused', async t => {
  const database = await LevelDatabase.open(await makeDirectory(t))
  t.teardown(() => database.close())
  const ran: number[] = []
  const step = (number: number) => ({
    number,
    what: 'a test',
    run: async () => {
      ran.push(number)
      return [{ key: `x/${number}`, value: 'done' }]
    },
  })
  await openLayout(database, [...migrations, step(2)])
  await openLayout(database, [...migrations, step(2), step(3)])
  t.deepEqual(ran, [2, 3])
  t.is(await database.get('x/3'), 'done')
  const refusal = openLayout(database, migrations)
  await t.throwsAsync(refusal, { code: 'ServiceUnavailable', message: /format is 3, .* up to 1; install the newer/ })
})

test('the change log is cut behind what must be kept, and never grows by more than a quarter', async t => {
  const directory = await makeDirectory(t)
  const store = await openLevel(t, { directory, limits: { logRevisions: 100 } })
  for (let n = 0; n < 40; n++) await Promise.all(Array.from({ length: 25 }, (_, of) => put(store, `k${of}`, { n })))
  await store.close()
  const database = await LevelDatabase.open(directory)
  t.teardown(() => database.close())
  const records = (await database.keys({ gte: logPrefix, lt: 'm' })).length
  t.true(records >= 100 && records <= 125, `${records} records`)
})

test('a line of commits that is too long is refused, and those in it go through', async t => {
  const store = await openLevel(t, { limits: { waiting: 10, group: 2 } })
  const results = await Promise.allSettled(Array.from({ length: 30 }, (_, n) => put(store, `k${n}`)))
  const refused = results.filter(result => result.status === 'rejected')
  t.is(refused.length, 20)
  t.true(refused.every(({ reason }) => hasCode(reason, 'TooManyRequests')))
  t.is(store.revision, 10)
})
