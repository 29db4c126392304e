import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { createLog, silentLog } from '../../../kit/log.ts'
import { type AuditEntry, isAudited } from '../../../master/audit/audit-entry.ts'
import { AuditLog, type AuditLogParts } from '../../../master/audit/audit-log.ts'
import { eventually } from '../../kit/eventually.ts'

type Some = { [F in keyof AuditEntry]?: AuditEntry[F] | undefined }

function entry(fields: Some = {}): AuditEntry {
  const time = '2026-01-01T00:00:00.000Z'
  return { time, user: 'bob', verb: 'create', resource: 'pods', group: '', code: 'OK', ...fields } as AuditEntry
}

interface Opened {
  log: AuditLog
  clock: FakeClock
  directory: string
  path: string
  lines(number?: number): Promise<Array<Record<string, unknown>>>
}

async function openLog(t: ExecutionContext, parts: Partial<AuditLogParts> = {}): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-audit-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const directory = parts.directory ?? join(folder, 'audit')
  const clock = new FakeClock()
  const log = new AuditLog({ level: 'all', clock, log: silentLog, ...parts, directory })
  await log.start()
  const path = join(directory, 'audit.log')
  const lines: Opened['lines'] = async number => {
    const text = await readFile(number === undefined ? path : `${path}.${number}`, 'utf8')
    return text
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))
  }
  return { log, clock, directory, path, lines }
}

const changes: Array<[what: string, fields: Some, kept: boolean]> = [
  ['a change', { verb: 'create' }, true],
  ['a change that failed', { verb: 'update', code: 'Conflict' }, true],
  ['a dry run', { verb: 'create', dryRun: true }, false],
  ['a dry run that is refused', { verb: 'create', dryRun: true, code: 'Forbidden' }, true],
  ['a read', { verb: 'get' }, false],
  ['a list', { verb: 'list' }, false],
  ['a read that is refused', { verb: 'get', code: 'Forbidden' }, true],
  ['a read by nobody', { verb: 'get', code: 'Unauthorized' }, true],
  ['the read of a Secret', { verb: 'get', resource: 'secrets' }, true],
  ['the watch of Secrets', { verb: 'watch', resource: 'secrets' }, true],
  ['logs', { verb: 'get', subresource: 'log' }, true],
  ['a shell', { verb: 'create', subresource: 'exec' }, true],
  ['a question about oneself', { verb: 'create', group: 'authorization.k8s.io' }, false],
  ['a question about somebody else', { verb: 'create', group: 'authorization.k8s.io', as: 'eve' }, true],
  ['the version', { verb: 'version', resource: undefined }, false],
]

for (const [what, fields, kept] of changes) {
  test(`at the level "changes", ${what} is ${kept ? '' : 'not '}kept`, t => {
    t.is(isAudited('changes', entry(fields)), kept)
    t.true(isAudited('all', entry(fields)))
    t.false(isAudited('none', entry(fields)))
  })
}

test('entries are written together, a second after the first, as one line of JSON each', async t => {
  const { log, clock, lines } = await openLog(t)
  log.record(entry({ name: 'a' }))
  await clock.advance(900)
  log.record(entry({ name: 'b' }))
  t.deepEqual(await lines(), [])
  await clock.advance(100)
  await eventually('two lines', async () => (await lines()).length === 2)
  t.deepEqual(
    (await lines()).map(({ name }) => name),
    ['a', 'b'],
  )
  await log.stop()
})

test('what was recorded last is written at the end', async t => {
  const { log, lines } = await openLog(t)
  log.record(entry({ name: 'last' }))
  await log.stop()
  t.deepEqual(
    (await lines()).map(({ name }) => name),
    ['last'],
  )
})

test('only the owner may read it, also when a file of others lies there', async t => {
  const first = await openLog(t)
  await first.log.stop()
  t.is((await stat(first.path)).mode & 0o777, 0o600)
  t.is((await stat(first.directory)).mode & 0o777, 0o700)
  await writeFile(first.path, '', { mode: 0o644 })
  const again = await openLog(t, { directory: first.directory })
  await again.log.stop()
  t.is((await stat(first.path)).mode & 0o777, 0o600)
})

test('the files are so many and so large, and no more; the newest lines are kept', async t => {
  const { log, directory, lines } = await openLog(t, { maxFiles: 3, maxFileBytes: 1000 })
  for (let index = 0; index < 100; index++) {
    log.record(entry({ name: `n${index}` }))
    if (index % 5 === 4) await log.stop().then(() => log.start())
  }
  await log.stop()
  t.deepEqual((await readdir(directory)).sort(), ['audit.log', 'audit.log.1', 'audit.log.2'])
  for (const name of await readdir(directory)) t.true((await stat(join(directory, name))).size <= 1100, name)
  t.is((await lines()).at(-1)?.['name'], 'n99')
  const all = [...(await lines(2)), ...(await lines(1)), ...(await lines())].map(({ name }) => name)
  const count = all.length
  t.true(count >= 15)
  t.deepEqual(
    all,
    Array.from({ length: count }, (_, index) => `n${100 - count + index}`),
  )
})

test('half a line that a power cut left does not spoil the next', async t => {
  const { log, path, directory } = await openLog(t)
  await log.stop()
  await writeFile(path, '{"time":"2026-01-01T00:0')
  const again = await openLog(t, { directory })
  again.log.record(entry({ name: 'whole' }))
  await again.log.stop()
  const written = (await readFile(path, 'utf8')).split('\n')
  t.is(written.length, 3)
  t.is(JSON.parse(written[1]!).name, 'whole')
})

test('who is refused a thousand times is counted, and does not wash away what others did', async t => {
  const { log, lines } = await openLog(t)
  for (let index = 0; index < 1000; index++) log.record(entry({ user: 'eve', code: 'Forbidden', name: `${index}` }))
  log.record(entry({ user: 'bob', code: 'Forbidden' }))
  log.record(entry({ user: 'bob' }))
  await log.stop()
  const written = await lines()
  t.is(written.filter(({ user }) => user === 'eve').length, 21)
  t.like(
    written.find(({ more }) => more !== undefined),
    { user: 'eve', more: 980 },
  )
  t.is(written.filter(({ user }) => user === 'bob').length, 2)
})

test('more than memory may hold is counted', async t => {
  const { log, lines } = await openLog(t)
  for (let index = 0; index < 10_000; index++) log.record(entry({ name: `${'x'.repeat(200)}${index}` }))
  await log.stop()
  const written = await lines()
  t.true(written.length < 5000)
  t.is(written.length - 1 + Number(written.at(-1)?.['lost']), 10_000)
})

test('at the level "none" nothing is made', async t => {
  const { log, directory } = await openLog(t, { level: 'none' })
  log.record(entry())
  await log.stop()
  await t.throwsAsync(stat(directory), { code: 'ENOENT' })
})

test('a directory that cannot be made is told at the start', async t => {
  const log = new AuditLog({ level: 'all', clock: new FakeClock(), log: silentLog, directory: '/proc/nowhere' })
  await t.throwsAsync(log.start(), { code: 'ServiceUnavailable' })
})

test('a disk that takes no more is told once, and stops nobody', async t => {
  const said: string[] = []
  const { log, clock, directory } = await openLog(t, {
    log: createLog({ write: line => said.push(line) }),
    maxFileBytes: 1,
  })
  log.record(entry())
  await clock.advance(1000)
  await eventually('a first line', async () => (await stat(join(directory, 'audit.log'))).size > 0)
  // The next one wants a new file, and there is nowhere to make it.
  await rm(directory, { recursive: true })
  for (let round = 0; round < 3; round++) {
    log.record(entry())
    await clock.advance(1000)
  }
  await eventually('a complaint', () => said.length > 0)
  await log.stop()
  t.is(said.length, 1, said.join(''))
})
