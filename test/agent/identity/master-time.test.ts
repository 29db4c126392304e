import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { MasterTime } from '../../../agent/identity/master-time.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { recordingLog, temporaryDirectory } from './cluster.ts'

const dayMs = 24 * 60 * 60 * 1000
const told = Date.UTC(2026, 5, 1)

async function timeAt(t: ExecutionContext, startMs: number, path?: string) {
  const clock = new FakeClock(startMs)
  const { log, lines } = recordingLog()
  const where = path ?? join(await temporaryDirectory(t), 'time.json')
  const time = new MasterTime({ path: where, clock, log })
  await time.load()
  return { time, clock, lines, path: where }
}

test('before the master has said anything, a clock in 1970 is all there is, and one beyond 90 days of it counts for nothing', async t => {
  t.is((await timeAt(t, 5000)).time.now(), 5000)
  t.is((await timeAt(t, told)).time.now(), 0)
})

test('the time is never before what the master told, and goes on from there', async t => {
  const { time, clock } = await timeAt(t, 0)
  time.told(told, { isFresh: true })
  t.is(time.now(), told)
  await clock.advance(3 * dayMs)
  t.is(time.now(), told + 3 * dayMs)
  time.told(told, { isFresh: false })
  t.is(time.now(), told + 3 * dayMs)
})

test('a clock that is a little ahead counts, and one that is far ahead does not', async t => {
  for (const [aheadDays, expected] of [
    [0, 0],
    [89, 89],
    [91, 0],
    [12_000, 0],
  ] as const) {
    const { time } = await timeAt(t, told + aheadDays * dayMs)
    time.told(told, { isFresh: false })
    t.is(time.now(), told + expected * dayMs, `${aheadDays} days ahead`)
  }
})

test('what cannot be true is not taken: a time beyond the certificate that it was told under, and what is none', async t => {
  const { time } = await timeAt(t, 0)
  time.told(Date.UTC(2060, 0, 1), { isFresh: true, untilMs: told })
  time.told(Number.NaN, { isFresh: true })
  t.is(time.now(), 0)
})

test('it is kept over a restart, and a card is spared: one write a day', async t => {
  const { time, clock, path } = await timeAt(t, 0)
  time.told(told, { isFresh: true })
  await time.keep()
  const first = await readFile(path, 'utf8')
  await clock.advance(dayMs / 2)
  await time.keep()
  t.is(await readFile(path, 'utf8'), first)
  await clock.advance(dayMs / 2)
  await time.keep()
  t.not(await readFile(path, 'utf8'), first)
  t.is((await timeAt(t, 0, path)).time.now(), told + dayMs)
})

test('a file that cannot be read is told about, and is no obstacle', async t => {
  const { path } = await timeAt(t, 0)
  await writeFile(path, '{"time":"soon"}', { mode: 0o600 })
  const { time, lines } = await timeAt(t, 0, path)
  t.is(time.now(), 0)
  t.regex(lines.join(''), /cannot read the time that the master told last/)
})

test('a clock that is more than a day off is warned about once, by what the master says now', async t => {
  const { time, lines } = await timeAt(t, 0)
  time.told(told, { isFresh: false })
  t.deepEqual(lines, [])
  time.told(told, { isFresh: true })
  time.told(told + 1, { isFresh: true })
  t.is(lines.length, 1)
  t.regex(lines[0] ?? '', /this board's clock is wrong.*days=-20605/)
  const other = await timeAt(t, told)
  other.time.told(told, { isFresh: true })
  other.time.told(0, { isFresh: true })
  t.deepEqual(other.lines, [], 'it is the master that is wrong')
  const right = await timeAt(t, told + dayMs / 2)
  right.time.told(told, { isFresh: true })
  t.deepEqual(right.lines, [])
})
