import test from 'ava'
import { createProgressMeter, type FlashProgress } from '../../../../cli/flash/disk/progress.ts'
import { describeProgress } from '../../../../cli/flash/disk/progress-words.ts'
import { showProgress } from '../../../../cli/flash/disk/show-progress.ts'
import type { Terminal } from '../../../../cli/terminal.ts'
import { FakeClock } from '../../../../kit/fake-clock.ts'

const MB = 1e6

function meter(total: number | undefined) {
  const clock = new FakeClock()
  const said: FlashProgress[] = []
  const meter = createProgressMeter({ phase: 'writing', total, clock, onProgress: word => void said.push(word) })
  return { clock, said, meter }
}

test('progress is told at once, four times a second at most, and at the end', async t => {
  const { clock, said, meter: progress } = meter(100 * MB)
  t.deepEqual(said, [{ phase: 'writing', done: 0, total: 100 * MB, rate: 0 }])
  for (let at = 0; at < 100; at++) {
    progress.add(MB)
    await clock.advance(10)
  }
  t.true(said.length <= 5, `${said.length} times in a second`)
  progress.finish()
  t.like(said.at(-1), { done: 100 * MB, secondsLeft: 0 })
})

test('the rate is that of the last seconds, and the time left follows from it', async t => {
  const { clock, said, meter: progress } = meter(1000 * MB)
  for (let second = 0; second < 10; second++) {
    await clock.advance(1000)
    progress.add(50 * MB)
  }
  t.like(said.at(-1), { rate: 50 * MB, secondsLeft: 10 })
  for (let second = 0; second < 10; second++) {
    await clock.advance(1000)
    progress.add(10 * MB)
  }
  t.like(said.at(-1), { done: 600 * MB, rate: 10 * MB, secondsLeft: 40 })
})

test('of an image without a length, no time is promised', async t => {
  const { clock, said, meter: progress } = meter(undefined)
  await clock.advance(1000)
  progress.add(MB)
  t.deepEqual(said.at(-1), { phase: 'writing', done: MB, rate: MB })
})

test('words', t => {
  const word = { phase: 'writing' as const, done: 1.2e9, total: 2.9e9, rate: 31e6, secondsLeft: 56 }
  t.is(describeProgress(word), ' 41 %  1.2 GB of 2.9 GB  31.0 MB/s  56 s left')
  t.is(
    describeProgress({ ...word, secondsLeft: 61 })
      .split('  ')
      .at(-1),
    '1 min 01 s left',
  )
  t.is(
    describeProgress({ ...word, secondsLeft: 3720 })
      .split('  ')
      .at(-1),
    '1 h 02 min left',
  )
  t.is(describeProgress({ ...word, done: 2.9e9 - 1, secondsLeft: 1 }).split('  ')[0], ' 99 %')
  t.is(describeProgress({ phase: 'writing', done: 512, rate: 0 }), '512 B')
})

function terminal(columns: number | undefined) {
  const out = { stdout: '', stderr: '' }
  const fake = {
    print(text: string) {
      out.stdout += text
    },
    warn(text: string) {
      out.stderr += text
    },
    size: () => (columns === undefined ? undefined : { columns, rows: 24 }),
  }
  return { out, terminal: fake as unknown as Terminal }
}

const steps = (phase: FlashProgress['phase']): FlashProgress[] =>
  Array.from({ length: 201 }, (_, at) => ({ phase, done: at * MB, total: 200 * MB, rate: 20 * MB }))

test('scripts get a JSON line each on stdout, and nothing else', t => {
  const { out, terminal: fake } = terminal(80)
  const display = showProgress(fake, 'json')
  for (const step of steps('verifying')) display.show(step)
  display.stop()
  t.deepEqual(
    out.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
    steps('verifying'),
  )
  t.is(out.stderr, '')
})

test('where there is no terminal, a line every ten percent', t => {
  const { out, terminal: fake } = terminal(undefined)
  const display = showProgress(fake, 'bar')
  for (const step of [...steps('writing'), ...steps('verifying')]) display.show(step)
  display.stop()
  const lines = out.stderr.trim().split('\n')
  t.is(lines.length, 22)
  t.regex(lines[0]!, /^Writing {5}0 % {2}0 B of 200 MB/)
  t.regex(lines.at(-1)!, /^Verifying 100 % {2}200 MB of 200 MB/)
})

test('on a terminal, a bar for each phase, each left on a line of its own', t => {
  const { out, terminal: fake } = terminal(100)
  const display = showProgress(fake, 'bar')
  for (const step of [...steps('writing'), ...steps('verifying')]) display.show(step)
  display.stop()
  display.stop()
  const lines = out.stderr.split('\n')
  t.is(lines.length, 3)
  const last = (line: string): string => line.slice(line.lastIndexOf('ing ') - 6)
  t.regex(last(lines[0]!), /Writing {3}█{30} 100 % {2}200 MB of 200 MB/)
  t.regex(last(lines[1]!), /Verifying █{30} 100 % {2}200 MB of 200 MB/)
  t.is(process.listenerCount('SIGINT'), 0)
})
