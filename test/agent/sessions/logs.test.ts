import test from 'ava'
import type { FrameStream } from '../../../kit/bus/stream.ts'
import { readBytesFrame } from '../../../kit/bus/stream.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { eventually } from '../../kit/eventually.ts'
import { readAll, setScene, target } from './harness.ts'

const logs = (options: object = {}): object => ({ verb: 'logs', pod: target, container: 'main', options })

/** Collects what comes; `done` when the stream has ended. */
function collect(stream: FrameStream): { text: string; done: boolean } {
  const seen = { text: '', done: false }
  void (async () => {
    for await (const frame of stream.frames) seen.text += String(readBytesFrame(frame)?.data)
    seen.done = true
  })()
  return seen
}

test('the log of the newest attempt comes whole, then the stream ends', async t => {
  const { open, start, log, runtime } = await setScene(t)
  runtime.exit(await start(0), 1)
  await log(0, 'old')
  await start(1)
  await log(1, 'one', 'two')
  t.is((await readAll(await open(logs()))).stdout, 'one\ntwo\n')
})

test('the log of the attempt before is asked for as the previous one', async t => {
  const { open, start, log, runtime } = await setScene(t)
  runtime.exit(await start(0), 1)
  await log(0, 'why it ended')
  await start(1)
  await log(1, 'fine')
  t.is((await readAll(await open(logs({ previous: true })))).stdout, 'why it ended\n')
})

test('only the last lines, on wish', async t => {
  const { open, start, log } = await setScene(t)
  await start()
  await log(0, ...Array.from({ length: 100 }, (_, index) => `line ${index}`))
  t.is((await readAll(await open(logs({ tailLines: 2 })))).stdout, 'line 98\nline 99\n')
  t.is((await readAll(await open(logs({ tailLines: 0 })))).stdout, '')
})

test('only the lines since a moment, on wish with their times', async t => {
  const clock = new FakeClock()
  const { open, start, log } = await setScene(t, clock)
  await start()
  await log(0, 'early')
  await clock.advance(60_000)
  await log(0, 'late')
  const { stdout } = await readAll(await open(logs({ sinceSeconds: 10, timestamps: true })))
  t.is(stdout, `${new Date(clock.now()).toISOString()} late\n`)
})

test('a log that is not there is an error, not an empty log', async t => {
  const { open, start } = await setScene(t)
  await start()
  const stream = await open(logs())
  await t.throwsAsync(readAll(stream))
  t.is((await stream.closed)?.code, 'NotFound')
})

test('following goes on with what is written, and ends with the container and its last line', async t => {
  const clock = new FakeClock()
  const { open, start, log, runtime } = await setScene(t, clock)
  const id = await start()
  await log(0, 'first', 'second')
  const seen = collect(await open(logs({ follow: true, tailLines: 1 })))
  const until = (what: string, holds: () => boolean): Promise<boolean> =>
    eventually(what, async () => {
      await clock.advance(100)
      return holds()
    })
  await until('the tail', () => seen.text === 'second\n')
  await log(0, 'third')
  await until('the new line', () => seen.text === 'second\nthird\n')
  await clock.advance(60_000)
  t.false(seen.done, 'a silent container is followed on')
  runtime.exit(id, 0)
  await log(0, 'last words')
  await until('the end', () => seen.done)
  t.is(seen.text, 'second\nthird\nlast words\n')
})

test('following a container that has ended brings all of its log, however slowly it is read', async t => {
  const clock = new FakeClock()
  const { open, start, log, runtime } = await setScene(t, clock)
  const id = await start()
  const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index} ${'x'.repeat(40)}`)
  await log(0, ...lines)
  runtime.exit(id, 0)
  const stream = await open(logs({ follow: true }))
  // The window fills, and stays full for longer than the end of a container is waited for.
  for (let round = 0; round < 20; round++) {
    await clock.advance(200)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  const seen = collect(stream)
  await eventually('the end', async () => {
    await clock.advance(100)
    return seen.done
  })
  t.is(seen.text.split('\n').length - 1, lines.length)
})

test('a client that goes away ends the reading', async t => {
  const { open, start, log } = await setScene(t)
  await start()
  await log(0, 'line')
  for (let round = 0; round < 40; round++) {
    // More than a node has streams: each can only be had when an earlier one has been let go.
    const stream = await eventually('a free stream', () => open(logs({ follow: true })).catch(() => undefined))
    await stream?.end()
  }
  await eventually('a free stream', () => open(logs()).catch(() => undefined))
})
