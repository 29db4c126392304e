import test, { type ExecutionContext } from 'ava'
import { BadMessages } from '../../../kit/bus/bad-messages.ts'
import type { Bus } from '../../../kit/bus/bus.ts'
import { MemoryBroker, type MemoryBus } from '../../../kit/bus/memory-bus.ts'
import { type FrameStream, openStream } from '../../../kit/bus/stream.ts'
import { CodedError } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { Relays } from '../../../master/api/relay.ts'

const ends = { client: 'clients/alice/c1/streams/1', node: 'nodes/board-1/streams/7' }
const sizes = { windowBytes: 4000, chunkBytes: 400, maxFrameBytes: 8000 }

interface Scene {
  clock: FakeClock
  broker: MemoryBroker
  client: MemoryBus
  node: MemoryBus
  master: MemoryBus
  relays: Relays
  bad: BadMessages
  near: FrameStream
  far: FrameStream
}

async function setScene(t: ExecutionContext): Promise<Scene> {
  const [broker, clock, bad] = [new MemoryBroker(), new FakeClock(), new BadMessages(silentLog)]
  const [client, node, master] = [broker.connect('client'), broker.connect('node'), broker.connect('master')]
  const relays = new Relays({ bus: master, clock, badMessages: bad })
  const near = await openStream({ bus: client, prefix: ends.client, side: 'opener', clock, ...sizes })
  await relays.open(ends)
  const far = await openStream({ bus: node, prefix: ends.node, side: 'server', clock, ...sizes })
  t.teardown(() => Promise.all([client.close(), node.close(), master.close()]))
  return { clock, broker, client, node, master, relays, bad, near, far }
}

async function readAll(stream: FrameStream): Promise<unknown[]> {
  const frames: unknown[] = []
  for await (const frame of stream.frames) frames.push(frame)
  return frames
}

async function spy(bus: Bus, topic: string): Promise<string[]> {
  const seen: string[] = []
  await bus.subscribe(topic, ({ payload }) => seen.push(payload.toString()))
  return seen
}

test('frames pass both ways, in order, unread, and the end after them', async t => {
  const { broker, near, far, relays, clock } = await setScene(t)
  const other = broker.connect('other')
  const told = await spy(other, `${ends.node}/+`)
  const passed = await spy(other, `${ends.client}/+`)
  const [up, down] = [readAll(far), readAll(near)]
  for (const number of [1, 2, 3]) await near.send({ number })
  for (const number of [4, 5, 6]) await far.send(`ü ${number}`)
  await clock.advance(0)
  await far.end()
  t.deepEqual(await down, ['ü 4', 'ü 5', 'ü 6'])
  t.deepEqual(await up, [{ number: 1 }, { number: 2 }, { number: 3 }])
  t.deepEqual(await Promise.all([near.closed, far.closed]), [undefined, undefined])
  t.deepEqual(passed.toSorted(), told.toSorted())
  t.is(relays.count, 0)
})

test('a reader that takes nothing holds up the writer at the other end of the relay', async t => {
  const { clock, near, far } = await setScene(t)
  const sent = { frames: 0 }
  const writing = (async () => {
    for (; sent.frames < 200; sent.frames++) await far.send('x'.repeat(80))
    await far.end()
  })()
  await clock.advance(0)
  // Each message is about 100 bytes, the window is 4000.
  t.true(sent.frames > 30 && sent.frames < 50, `${sent.frames} frames went without a reader`)
  t.is((await readAll(near)).length, 200)
  await writing
})

for (const [who, whose] of [
  ['near', 'far'],
  ['far', 'near'],
] as const)
  test(`an error that the ${who} side ends with reaches the ${whose} side, and nothing is left`, async t => {
    const scene = await setScene(t)
    const { relays, clock, client, node } = scene
    const seen = [await spy(client, `${ends.client}/down`), await spy(node, `${ends.node}/up`)]
    await scene[who].end(new CodedError('NotFound', 'the log was rotated away'))
    t.like(await scene[whose].closed, { code: 'NotFound', message: 'the log was rotated away' })
    t.is(relays.count, 0)
    const before = seen.flat().length
    await client.publish(`${ends.client}/up`, '{"s":9,"f":1}')
    await node.publish(`${ends.node}/down`, '{"s":9,"f":1}')
    await clock.advance(0)
    t.is(seen.flat().length, before, 'what comes after the end is not carried')
  })

test('of a client that has vanished the node learns by silence, and so does the relay', async t => {
  const { clock, client, far, relays } = await setScene(t)
  client.cut()
  await clock.advance(50_000)
  t.is((await far.closed)?.code, 'Timeout')
  await clock.advance(30_000)
  t.is(relays.count, 0)
})

test('a stream on which nothing is said stays open as long as both are there', async t => {
  const { clock, near, far, relays } = await setScene(t)
  const reading = readAll(near)
  await clock.advance(10 * 60_000)
  t.is(relays.count, 1)
  await far.send('still here')
  await far.end()
  t.deepEqual(await reading, ['still here'])
})

test('one side that speaks for ever does not keep a relay whose other side is gone', async t => {
  const { clock, client, node, relays } = await setScene(t)
  client.cut()
  const told = await spy(node, `${ends.node}/up`)
  for (let second = 0; second < 90; second++) {
    await node.publish(`${ends.node}/down`, '{"p":1}')
    await clock.advance(1000)
  }
  t.is(relays.count, 0)
  t.deepEqual(
    told.map(text => JSON.parse(text).a?.code),
    ['Timeout'],
  )
})

test('a node has no way into a stream that is not its own', async t => {
  const { broker, clock, client } = await setScene(t)
  const seen = await spy(client, `${ends.client}/down`)
  const thief = broker.connect('thief')
  // All that the broker lets it write, with an id that it cannot know.
  for (const leaf of ['streams/7/down', 'streams/1/down', 'replies', 'report', 'beat'])
    await thief.publish(`nodes/thief/${leaf}`, '{"s":0,"f":"lies"}')
  await clock.advance(0)
  t.deepEqual(seen, [])
})

test('what a broker has kept is not carried, and is counted', async t => {
  const { broker, clock, client, node, master } = await setScene(t)
  const poisoned = { client: 'clients/alice/c1/streams/2', node: 'nodes/board-1/streams/8' }
  await node.publish(`${poisoned.node}/down`, '{"s":0,"f":"of yesterday"}', { retain: true })
  await client.publish(`${poisoned.client}/up`, '{"s":0,"f":"of yesterday"}', { retain: true })
  const seen = await spy(broker.connect('other'), '+/+/+/streams/2/down')
  const bad = new BadMessages(silentLog)
  await new Relays({ bus: master, clock, badMessages: bad }).open(poisoned)
  await clock.advance(0)
  t.deepEqual(seen, [])
  t.deepEqual(bad.counts(), { 'stream frame': 2 })
})

test('who sends more than the other has asked for is cut off, before it fills the memory', async t => {
  const { broker, clock, node, bad } = await setScene(t)
  const bus = broker.connect('second master')
  const sent: string[] = []
  // A broker that acknowledges nothing, as one whose reader is slow.
  const slow: Bus = {
    clientId: 'slow',
    connected: true,
    publish: (topic, payload) => {
      sent.push(`${topic} ${String(payload).slice(0, 40)}`)
      return new Promise(() => undefined)
    },
    subscribe: (filter, handler) => bus.subscribe(filter, handler),
    onConnect: handler => bus.onConnect(handler),
    onDisconnect: handler => bus.onDisconnect(handler),
    close: () => bus.close(),
  }
  const relays = new Relays({ bus: slow, clock, badMessages: bad })
  await relays.open({ client: 'clients/alice/c1/streams/2', node: 'nodes/board-1/streams/8' })
  for (let frame = 0; frame < 100; frame++)
    await node.publish('nodes/board-1/streams/8/down', JSON.stringify({ s: frame, f: 'x'.repeat(32_000) }))
  await clock.advance(0)
  t.is(relays.count, 0)
  t.is(sent.filter(line => line.includes('TooManyRequests')).length, 2, 'both sides are told')
  t.true(sent.length < 40, `${sent.length} messages were under way`)
})

test('a master that ends tells both sides', async t => {
  const { near, far, relays } = await setScene(t)
  await relays.stop()
  t.deepEqual(
    (await Promise.all([near.closed, far.closed])).map(error => error?.code),
    ['ServiceUnavailable', 'ServiceUnavailable'],
  )
  t.is(relays.count, 0)
})

test('a master that loses its broker drops its relays: what was under way would be missing', async t => {
  const { master, relays, clock, near, far } = await setScene(t)
  master.cut()
  await clock.advance(0)
  t.is(relays.count, 0)
  master.mend()
  await clock.advance(60_000)
  t.deepEqual(
    (await Promise.all([near.closed, far.closed])).map(error => error?.code),
    ['Timeout', 'Timeout'],
  )
})
