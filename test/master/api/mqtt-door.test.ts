import test, { type ExecutionContext } from 'ava'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import type { WatchFrame } from '../../../contract/wire/api.ts'
import { streamChunkBytes, streamWindowBytes } from '../../../contract/wire/limits.ts'
import { topicsOf } from '../../../contract/wire/topics.ts'
import { MemoryBroker, type MemoryBus } from '../../../kit/bus/memory-bus.ts'
import { Requester } from '../../../kit/bus/request.ts'
import { type FrameStream, openStream } from '../../../kit/bus/stream.ts'
import { systemClock } from '../../../kit/clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { systemRandom } from '../../../kit/random.ts'
import { MqttDoor } from '../../../master/api/mqtt-door.ts'
import { configMap, createHarness, type Harness, pod, target } from './harness.ts'

const topics = topicsOf('home')

interface Client {
  bus: MemoryBus
  ask(body: unknown, stream?: string): Promise<unknown>
  stream(name: string): Promise<FrameStream>
}

interface House {
  harness: Harness
  broker: MemoryBroker
  client: Client
}

async function openHouse(
  t: ExecutionContext,
  limits: { maxWatches?: number; maxRequests?: number } = {},
): Promise<House> {
  const harness = await createHarness(t)
  const broker = new MemoryBroker()
  const bus = broker.connect('master')
  const door = new MqttDoor({ api: harness.api, bus, topics, clock: systemClock, log: silentLog, ...limits })
  await door.start()
  t.teardown(async () => {
    await door.stop()
    await bus.close()
  })
  return { harness, broker, client: await openClient(t, broker, 'c1') }
}

async function openClient(t: ExecutionContext, broker: MemoryBroker, name: string): Promise<Client> {
  const bus = broker.connect(name)
  const repliesTopic = topics.clientReplies(name)
  const requester = new Requester({ bus, repliesTopic, clock: systemClock, random: systemRandom })
  await requester.start()
  t.teardown(() => bus.close())
  return {
    bus,
    ask: (body, stream) =>
      requester.request(topics.masterRequests, body, { timeoutMs: 3000, ...(stream !== undefined && { stream }) }),
    stream: id => {
      const sizes = { windowBytes: streamWindowBytes, chunkBytes: streamChunkBytes, maxFrameBytes: 2 ** 21 }
      return openStream({ bus, prefix: topics.stream(name, id), side: 'opener', clock: systemClock, ...sizes })
    },
  }
}

async function take(stream: FrameStream, count: number): Promise<string[]> {
  const taken: string[] = []
  for await (const frame of stream.frames) {
    const told = frame as WatchFrame
    if (told.type === 'ADDED') taken.push(told.object.metadata.name)
    if (taken.length === count) break
  }
  return taken
}

test('a request is answered, and a refusal comes back with its code and words', async t => {
  const { client } = await openHouse(t)
  const object = configMap('a')
  const answer = (await client.ask({ verb: 'apply', target: target('configmaps'), object })) as { outcome: string }
  t.is(answer.outcome, 'created')
  await t.throwsAsync(client.ask({ verb: 'get', target: target('pods', 'x') }), {
    code: 'NotFound',
    message: 'pods "x" not found',
  })
})

const garbage: Array<[what: string, body: unknown]> = [
  ['no object', 'hello'],
  ['null', null],
  ['a list', []],
  ['no verb', {}],
  ['an unknown verb', { verb: 'explode', target: target('pods') }],
  ['a verb of all objects', { verb: 'constructor', target: target('pods') }],
  ['no target', { verb: 'get' }],
  ['a target of the wrong type', { verb: 'get', target: 'pods' }],
  ['a kind of the wrong type', { verb: 'get', target: { resource: 1, group: '' } }],
  ['a name with a slash', { verb: 'get', target: target('pods', 'a/../../nodes/b') }],
  ['a namespace with a slash', { verb: 'list', target: { resource: 'pods', group: '', namespace: 'a/b' } }],
  ['a limit that is none', { verb: 'list', target: target('pods'), limit: 'many' }],
  ['no object to create', { verb: 'create', target: target('pods') }],
  ['an object without metadata', { verb: 'create', target: target('pods'), object: { apiVersion: 'v1', kind: 'Pod' } }],
  [
    'an object whose name is a map',
    { verb: 'apply', target: target('pods'), object: { ...pod('x'), metadata: { name: {} } } },
  ],
  [
    'annotations that are text',
    { verb: 'apply', target: target('pods'), object: { ...pod('x'), metadata: { name: 'x', annotations: 'y' } } },
  ],
  ['an exec of nothing', { verb: 'exec', target: target('pods', 'x'), options: { command: 'sh' } }],
  ['a watch without a stream', { verb: 'watch', target: target('pods') }],
]

for (const [what, body] of garbage)
  test(`${what} is a bad request, and the door goes on`, async t => {
    const { client } = await openHouse(t)
    await t.throwsAsync(client.ask(body), { code: 'BadRequest' })
    await t.notThrowsAsync(client.ask({ verb: 'version' }))
  })

test('what is no request at all is ignored', async t => {
  const { client, broker } = await openHouse(t)
  const stranger = broker.connect('stranger')
  t.teardown(() => stranger.close())
  const envelope = { id: '1', timeoutMs: 1000, body: { verb: 'version' } }
  for (const payload of [
    'not json',
    '{}',
    JSON.stringify({ ...envelope, replyTo: topics.nodeWish('board-1') }),
    JSON.stringify({ ...envelope, replyTo: 'other/topic' }),
  ])
    await stranger.publish(topics.masterRequests, payload)
  await t.notThrowsAsync(client.ask({ verb: 'version' }))
})

test('a watch comes down its stream, and ends when the reader goes', async t => {
  const { harness, client } = await openHouse(t, { maxWatches: 1 })
  await harness.create(configMap('a'))
  const watch = { verb: 'watch', target: target('configmaps') }
  const stream = await client.stream('s1')
  t.deepEqual(await client.ask(watch, topics.stream('c1', 's1')), { stream: true })
  const taken = take(stream, 2)
  await harness.create(configMap('b'))
  t.deepEqual(await taken, ['a', 'b'])
  const second = await client.stream('s2')
  await t.throwsAsync(client.ask(watch, topics.stream('c1', 's2')), { code: 'TooManyRequests' })
  await stream.end()
  t.deepEqual(await client.ask(watch, topics.stream('c1', 's2')), { stream: true }, 'there is room again')
  await second.end()
})

test('a watch that is refused says so in the answer', async t => {
  const { client } = await openHouse(t)
  const prefix = topics.stream('c1', 's1')
  const bad = { verb: 'watch', target: { resource: 'gadgets', group: '' } }
  await t.throwsAsync(client.ask(bad, prefix), { code: 'NotFound' })
})

test('a slow reader holds up only itself', async t => {
  const { harness, client } = await openHouse(t)
  const large = { data: { a: 'x'.repeat(100_000) } }
  for (let index = 0; index < 12; index++) await harness.create(configMap(`c-${index}`, large))
  const watch = { verb: 'watch', target: target('configmaps') }
  const slow = await client.stream('slow')
  await client.ask(watch, topics.stream('c1', 'slow'))
  const fast = await client.stream('fast')
  await client.ask(watch, topics.stream('c1', 'fast'))
  t.is((await take(fast, 12)).length, 12)
  t.is((await take(slow, 12)).length, 12, 'and misses nothing')
})

test('logs and exec are passed on to the node, which answers the asker itself', async t => {
  const { harness, broker, client } = await openHouse(t)
  const { object } = await harness.create(pod('web-1', { nodeName: 'board-1' }))
  const containerStatuses = [
    { name: 'web', state: { running: {} }, image: '', imageID: '', ready: true, restartCount: 0 },
  ]
  const running: AnyObject = { ...object, status: { phase: 'Running', containerStatuses } }
  const at = target('pods', 'web-1')
  await harness.write({ verb: 'update', subresource: 'status', target: at, object: running })
  const node = broker.connect('node')
  t.teardown(() => node.close())
  await node.subscribe(topics.nodeRequests('board-1'), message => {
    const { id, replyTo, stream, body } = JSON.parse(message.payload.toString())
    void node.publish(replyTo, JSON.stringify({ id, body: { heard: body, stream } }))
  })
  const prefix = topics.stream('c1', 's1')
  const answer = await client.ask({ verb: 'logs', target: at, options: { tailLines: 3 } }, prefix)
  const web1 = { namespace: 'default', name: 'web-1', uid: object.metadata.uid }
  const heard = { verb: 'logs', pod: web1, container: 'web', options: { tailLines: 3 } }
  t.deepEqual(answer, { heard, stream: prefix })
})
