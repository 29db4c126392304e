import test, { type ExecutionContext } from 'ava'
import type { WatchFrame } from '../../../contract/wire/api.ts'
import { usernameOf } from '../../../contract/wire/identity.ts'
import { streamChunkBytes, streamWindowBytes } from '../../../contract/wire/limits.ts'
import type { ClientName } from '../../../contract/wire/topics.ts'
import { MemoryBroker, type MemoryBus } from '../../../kit/bus/memory-bus.ts'
import { Requester } from '../../../kit/bus/request.ts'
import { type FrameStream, openStream } from '../../../kit/bus/stream.ts'
import { systemClock } from '../../../kit/clock.ts'
import { systemRandom } from '../../../kit/random.ts'
import type { Api } from '../../../master/api/api.ts'
import { type OpenDoor, openDoor, topics } from './door.ts'
import { configMap, createHarness, type Harness, pod, target } from './harness.ts'

interface Client {
  bus: MemoryBus
  ask(body: unknown, stream?: string): Promise<unknown>
  stream(name: string): Promise<FrameStream>
}

interface House {
  harness: Harness
  broker: MemoryBroker
  door: OpenDoor
  client: Client
}

async function openHouse(
  t: ExecutionContext,
  limits: { maxWatches?: number; maxRequests?: number } = {},
): Promise<House> {
  const harness = await createHarness(t)
  const broker = new MemoryBroker()
  const bus = broker.connect('master')
  const door = await openDoor(t, { api: harness.api, bus, ...limits })
  return { harness, broker, door, client: await openClient(t, broker, { username: 'alice', client: 'c1' }) }
}

async function openClient(t: ExecutionContext, broker: MemoryBroker, name: ClientName): Promise<Client> {
  const bus = broker.connect(name.client)
  const repliesTopic = topics.clientReplies(name)
  const requester = new Requester({ bus, repliesTopic, clock: systemClock, random: systemRandom })
  await requester.start()
  t.teardown(() => bus.close())
  return {
    bus,
    ask: (body, stream) =>
      requester.request(topics.clientRequests(name), body, {
        timeoutMs: 3000,
        ...(stream !== undefined && { stream }),
      }),
    stream: id => {
      const sizes = { windowBytes: streamWindowBytes, chunkBytes: streamChunkBytes, maxFrameBytes: 2 ** 21 }
      return openStream({ bus, prefix: topics.clientStream(name, id), side: 'opener', clock: systemClock, ...sizes })
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
  const alice = topics.clientRequests({ username: 'alice', client: 'c1' })
  for (const payload of ['not json', '{}', JSON.stringify({ ...envelope, stream: '../../nodes/board-1/wish' })])
    await stranger.publish(alice, payload)
  await stranger.publish(alice, JSON.stringify(envelope), { retain: true })
  await t.notThrowsAsync(client.ask({ verb: 'version' }))
})

test('a watch comes down its stream, and ends when the reader goes', async t => {
  const { harness, client } = await openHouse(t, { maxWatches: 1 })
  await harness.create(configMap('a'))
  const watch = { verb: 'watch', target: target('configmaps') }
  const stream = await client.stream('s1')
  t.deepEqual(await client.ask(watch, 's1'), { stream: true })
  const taken = take(stream, 2)
  await harness.create(configMap('b'))
  t.deepEqual(await taken, ['a', 'b'])
  const second = await client.stream('s2')
  await t.throwsAsync(client.ask(watch, 's2'), { code: 'TooManyRequests' })
  await stream.end()
  t.deepEqual(await client.ask(watch, 's2'), { stream: true }, 'there is room again')
  await second.end()
})

test('a watch that is refused says so in the answer', async t => {
  const { client } = await openHouse(t)
  const bad = { verb: 'watch', target: { resource: 'gadgets', group: '' } }
  await t.throwsAsync(client.ask(bad, 's1'), { code: 'NotFound' })
})

test('a slow reader holds up only itself', async t => {
  const { harness, client } = await openHouse(t)
  const large = { data: { a: 'x'.repeat(100_000) } }
  for (let index = 0; index < 12; index++) await harness.create(configMap(`c-${index}`, large))
  const watch = { verb: 'watch', target: target('configmaps') }
  const slow = await client.stream('slow')
  await client.ask(watch, 'slow')
  const fast = await client.stream('fast')
  await client.ask(watch, 'fast')
  t.is((await take(fast, 12)).length, 12)
  t.is((await take(slow, 12)).length, 12, 'and misses nothing')
})

test('who asks is told by the topic, and by nothing in the request', async t => {
  const broker = new MemoryBroker()
  const asked: string[] = []
  const api: Api = {
    async handle(_request, { identity }) {
      asked.push(usernameOf(identity))
      return { rotated: 0 }
    },
  }
  const door = await openDoor(t, { api, bus: broker.connect('master') })
  const body = { verb: 'version', user: 'admin', identity: { kind: 'master' }, username: 'admin' }
  const users = ['alice', 'system:node:board-1', 'system:serviceaccount:default:bot', 'system:tool:wall', 'bob']
  for (const username of users) await (await openClient(t, broker, { username, client: `of-${username}` })).ask(body)
  t.deepEqual(asked, users)
  t.deepEqual(door.counts(), {})
  const stranger = broker.connect('stranger')
  t.teardown(() => stranger.close())
  const nobody = ['system:joining', 'system:nobody', 'Alice', '', 'system:node:', 'system:serviceaccount:default']
  for (const username of nobody) {
    const topic = topics.clientRequests({ username, client: 'c' })
    await stranger.publish(topic, JSON.stringify({ id: '1', timeoutMs: 1000, body, username: 'admin' }))
  }
  t.deepEqual(asked, users)
  t.deepEqual(door.counts(), { request: nobody.length })
})

test('an answer goes to the client that asked, and to no other of the same user', async t => {
  const { broker, client } = await openHouse(t)
  const others = broker.connect('others')
  t.teardown(() => others.close())
  const heard: string[] = []
  await others.subscribe(`${topics.root}#`, ({ topic }) => heard.push(topic))
  await client.ask({ verb: 'version' })
  const alice = { username: 'alice', client: 'c1' }
  t.deepEqual(heard, [topics.clientRequests(alice), topics.clientReplies(alice)])
})

test('one user cannot have all the watches: there is room for another', async t => {
  const { broker, client } = await openHouse(t, { maxWatches: 4 })
  const watch = { verb: 'watch', target: target('configmaps') }
  const first = await client.stream('s1')
  t.deepEqual(await client.ask(watch, 's1'), { stream: true })
  const again = await openClient(t, broker, { username: 'alice', client: 'c2' })
  await t.throwsAsync(again.ask(watch, 's1'), { code: 'TooManyRequests', message: /1 watches of alice/ })
  const other = await openClient(t, broker, { username: 'test', client: 'c3' })
  t.deepEqual(await other.ask(watch, 's1'), { stream: true })
  await first.end()
  t.deepEqual(await again.ask(watch, 's1'), { stream: true })
})
