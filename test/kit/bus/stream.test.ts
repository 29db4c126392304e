import test from 'ava'
import { BadMessages } from '../../../kit/bus/bad-messages.ts'
import { MemoryBroker, type MemoryBus } from '../../../kit/bus/memory-bus.ts'
import {
  bytesFrame,
  type FrameStream,
  openStream,
  readBytesFrame,
  type StreamOptions,
} from '../../../kit/bus/stream.ts'
import { givenUp, isStreamEnd } from '../../../kit/bus/stream-parts.ts'
import { CodedError } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'

interface Scene {
  clock: FakeClock
  near: MemoryBus
  far: MemoryBus
  opener: FrameStream
  server: FrameStream
}

async function setScene(options: Partial<StreamOptions> = {}): Promise<Scene> {
  const broker = new MemoryBroker()
  const clock = new FakeClock()
  const [near, far] = [broker.connect('opener'), broker.connect('server')]
  const shared = { prefix: 's/1', clock, windowBytes: 1000, chunkBytes: 100, maxFrameBytes: 2000, ...options }
  const opener = await openStream({ bus: near, side: 'opener', ...shared })
  const server = await openStream({ bus: far, side: 'server', ...shared })
  return { clock, near, far, opener, server }
}

async function readAll(stream: FrameStream): Promise<unknown[]> {
  const frames: unknown[] = []
  for await (const frame of stream.frames) frames.push(frame)
  return frames
}

/** Lets every promise that is ready run its reactions. */
const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

test('frames cross in both directions and in order, and the end comes after them', async t => {
  const { opener, server } = await setScene()
  const [up, down] = [readAll(server), readAll(opener)]
  for (const number of [1, 2, 3]) await opener.send({ number })
  await server.send('hello')
  await settle()
  await opener.end()
  t.deepEqual(await up, [{ number: 1 }, { number: 2 }, { number: 3 }])
  t.deepEqual(await down, ['hello'])
  t.deepEqual(await Promise.all([opener.closed, server.closed]), [undefined, undefined])
})

test('a slow reader makes the writer wait: what is under way stays within the window', async t => {
  const { opener, server } = await setScene()
  let sent = 0
  const writing = (async () => {
    for (let round = 0; round < 100; round++) {
      await opener.send('x'.repeat(80))
      sent++
    }
    await opener.end()
  })()
  await settle()
  // Each message is about 100 bytes; the window is 1000.
  t.true(sent >= 8 && sent <= 10, `${sent} frames went without a reader`)
  const before = sent
  await settle()
  t.is(sent, before)
  const frames = server.frames[Symbol.asyncIterator]()
  for (let taken = 0; taken < 5; taken++) await frames.next()
  await settle()
  t.true(sent > before && sent <= before + 5, `${sent - before} more after five were taken`)
  let rest = 0
  while (!(await frames.next()).done) rest++
  await writing
  t.is(rest, 95)
})

test('a frame larger than the window passes when the rest has been taken', async t => {
  const { opener, server } = await setScene()
  const reading = readAll(server)
  for (let round = 0; round < 10; round++) await opener.send('x'.repeat(1500))
  await opener.end()
  t.is((await reading).length, 10)
})

test('a frame beyond the limit is refused, and the stream goes on', async t => {
  const { opener, server } = await setScene()
  const error = await t.throwsAsync(opener.send('x'.repeat(3000)), { instanceOf: CodedError })
  t.is(error.code, 'RequestEntityTooLarge')
  const reading = readAll(server)
  await opener.send('fits')
  await opener.end()
  t.deepEqual(await reading, ['fits'])
})

test('a writer that ignores its credit is cut off', async t => {
  const { near, server } = await setScene()
  for (let s = 0; s < 40; s++) await near.publish('s/1/up', JSON.stringify({ s, f: 'x'.repeat(90) }))
  const error = await server.closed
  t.is(error?.code, 'TooManyRequests')
})

test('an end with an error reaches the reader after the frames before it', async t => {
  const { opener, server } = await setScene()
  await server.send('first')
  await server.end(new CodedError('Expired', 'cannot watch on: because of a compaction'))
  const seen: unknown[] = []
  const error = await t.throwsAsync(
    async () => {
      for await (const frame of opener.frames) seen.push(frame)
    },
    { instanceOf: CodedError },
  )
  t.deepEqual(seen, ['first'])
  t.is(error.code, 'Expired')
  t.is((await opener.closed)?.code, 'Expired')
  await t.throwsAsync(opener.send('too late'), { instanceOf: CodedError })
})

test('a missing frame ends the stream on both sides', async t => {
  const { near, opener, server } = await setScene()
  await near.publish('s/1/up', JSON.stringify({ s: 0, f: 'a' }))
  await near.publish('s/1/up', JSON.stringify({ s: 0, f: 'a, delivered twice' }))
  await near.publish('s/1/up', JSON.stringify({ s: 2, f: 'c' }))
  t.is((await server.closed)?.code, 'InternalError')
  t.is((await opener.closed)?.code, 'InternalError')
})

test('garbage ends the stream', async t => {
  for (const payload of ['{', '[]', '"text"', '{"c":1e9}', 'x'.repeat(5000)]) {
    const { near, server } = await setScene()
    await near.publish('s/1/up', payload)
    t.truthy(await server.closed, payload.slice(0, 20))
  }
})

test('two silent ends that are alive stay open; one that has vanished is noticed', async t => {
  const { clock, far, opener, server } = await setScene({ idleMs: 1000 })
  let ended = false
  void server.closed.then(() => {
    ended = true
  })
  await clock.advance(30_000)
  t.false(ended)
  void opener.closed
  // The opener's pings no longer reach the server; its connection looks fine.
  const deaf = await setScene({ idleMs: 1000 })
  deaf.far.publish = () => new Promise(() => undefined)
  await deaf.clock.advance(2500)
  const early = await Promise.race([deaf.opener.closed, Promise.resolve('open')])
  t.is(early, 'open')
  await deaf.clock.advance(1500)
  t.is((await deaf.opener.closed)?.code, 'Timeout')
  t.true(far.connected)
})

test('a lost connection ends the stream at once on that side', async t => {
  const { near, opener } = await setScene()
  const reading = readAll(opener)
  near.cut()
  t.is((await opener.closed)?.code, 'ServiceUnavailable')
  await t.throwsAsync(reading, { instanceOf: CodedError })
})

test('a writer that waits for credit is woken by the end', async t => {
  const { opener, server } = await setScene()
  const writing = (async () => {
    while (true) await opener.send('x'.repeat(80))
  })()
  await settle()
  await server.end()
  const error = await t.throwsAsync(writing, { instanceOf: CodedError })
  t.is(error.code, 'ServiceUnavailable')
})

test('bytes are split into chunks and come back as they were', async t => {
  const { opener, server } = await setScene()
  const data = Buffer.from(Array.from({ length: 950 }, (_, index) => index % 256))
  const reading = readAll(server)
  await opener.sendBytes('stdin', data)
  await opener.end()
  const chunks = (await reading).map(frame => readBytesFrame(frame))
  t.is(chunks.length, 10)
  t.true(chunks.every(chunk => chunk?.channel === 'stdin'))
  t.true(Buffer.concat(chunks.map(chunk => chunk?.data ?? Buffer.alloc(0))).equals(data))
})

test('only what bytesFrame made is read as bytes', t => {
  t.deepEqual(readBytesFrame(bytesFrame('stdout', Buffer.from('hi'))), { channel: 'stdout', data: Buffer.from('hi') })
  for (const frame of [null, 'text', 5, {}, { c: 'stdout' }, { c: 1, d: 'aGk=' }])
    t.is(readBytesFrame(frame), undefined)
})

test('a stream is read once', async t => {
  const { opener, server } = await setScene()
  await server.end()
  t.deepEqual(await readAll(opener), [])
  await t.throwsAsync(readAll(opener), { message: /twice/ })
})

test('the end of a side is known by its first bytes, and nothing else is taken for one', async t => {
  const { opener, server, near, far, clock } = await setScene()
  const ends: boolean[] = []
  const note = ({ payload }: { payload: Buffer }): number => ends.push(isStreamEnd(payload))
  await near.subscribe('s/1/+', note)
  const frames = [null, { e: null }, { a: 1 }, '{"s":1,"e":null}', { s: 1, e: {} }]
  const reading = readAll(server)
  reading.catch(() => undefined) // Looked at below; the clock moves first.
  for (const frame of frames) await opener.send(frame)
  await clock.advance(15_000)
  t.true(ends.length > frames.length, 'both have said that they are still there')
  t.false(ends.includes(true))
  await opener.end(new CodedError('NotFound', 'gone'))
  await clock.advance(0)
  await t.throwsAsync(reading, { message: 'gone' })
  t.is(ends.filter(Boolean).length, 1)
  await far.publish('s/1/down', givenUp(new Error('x')))
  await clock.advance(0)
  t.is(ends.filter(Boolean).length, 2)
})

test('who carries a stream can give it up, whatever frames are still on their way', async t => {
  const { opener, server, near } = await setScene()
  const reading = readAll(server)
  await opener.send('one')
  await near.publish('s/1/up', givenUp(new CodedError('ServiceUnavailable', 'the master is ending')))
  await settle()
  t.is((await server.closed)?.code, 'ServiceUnavailable')
  await t.throwsAsync(reading, { message: 'the master is ending' })
  await t.throwsAsync(server.send('more'), { code: 'ServiceUnavailable' })
})

test('a frame that a broker has kept is no frame of this stream', async t => {
  const broker = new MemoryBroker()
  const badMessages = new BadMessages(silentLog)
  const clock = new FakeClock()
  await broker.connect('once').publish('s/1/up', '{"s":0,"f":"of yesterday"}', { retain: true })
  const sizes = { windowBytes: 1000, chunkBytes: 100, maxFrameBytes: 2000 }
  const far = broker.connect('server')
  const server = await openStream({ bus: far, prefix: 's/1', side: 'server', clock, badMessages, ...sizes })
  const opener = await openStream({ bus: broker.connect('opener'), prefix: 's/1', side: 'opener', clock, ...sizes })
  await settle()
  await opener.send('of today')
  await opener.end()
  t.deepEqual(await readAll(server), ['of today'])
  t.deepEqual(badMessages.counts(), { 'stream frame': 1 })
})
