import test, { type ExecutionContext } from 'ava'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import { streamChunkBytes, streamWindowBytes } from '../../../contract/wire/limits.ts'
import { MemoryBroker, type MemoryBus } from '../../../kit/bus/memory-bus.ts'
import { Requester } from '../../../kit/bus/request.ts'
import { type FrameStream, openStream, readBytesFrame } from '../../../kit/bus/stream.ts'
import { type Clock, systemClock } from '../../../kit/clock.ts'
import { systemRandom } from '../../../kit/random.ts'
import { eventually } from '../../kit/eventually.ts'
import { type OpenDoor, openDoor, topics } from './door.ts'
import { createHarness, pod, target } from './harness.ts'

const alice = { username: 'alice', client: 'c1' }
const sizes = { windowBytes: streamWindowBytes, chunkBytes: streamChunkBytes, maxFrameBytes: 2 ** 21 }
const logs = { verb: 'logs', target: target('pods', 'web-1'), options: { tailLines: 3 } }

interface Asked {
  id: string
  stream: string
  timeoutMs: number
  body: unknown
}

interface Scene {
  broker: MemoryBroker
  node: MemoryBus
  door: OpenDoor
  uid: string
  stream: FrameStream
  ask(body: unknown, timeoutMs?: number): Promise<unknown>
  /** The node's half of the stream that the master asked for. */
  serve(asked: Asked): Promise<FrameStream>
  /** What the node is asked, as it comes. */
  onAsked(handle: (asked: Asked) => void): Promise<void>
  answer(asked: Asked, answer: object): Promise<void>
}

/** A pod that runs on board-1, whose agent is the test. */
async function setScene(t: ExecutionContext, options: { maxRelays?: number; clock?: Clock } = {}): Promise<Scene> {
  const [harness, broker] = [await createHarness(t), new MemoryBroker()]
  const door = await openDoor(t, { api: harness.api, bus: broker.connect('master'), ...options })
  const { object } = await harness.create(pod('web-1', { nodeName: 'board-1' }))
  const running = { name: 'web', state: { running: {} }, image: '', imageID: '', ready: true, restartCount: 0 }
  const status = { phase: 'Running', containerStatuses: [running] }
  const next: AnyObject = { ...object, status }
  await harness.write({ verb: 'update', subresource: 'status', target: target('pods', 'web-1'), object: next })
  const [bus, node] = [broker.connect('c1'), broker.connect('board-1')]
  const requester = new Requester({
    ...{ bus, repliesTopic: topics.clientReplies(alice) },
    ...{ clock: systemClock, random: systemRandom },
  })
  await requester.start()
  const prefix = topics.clientStream(alice, 's1')
  const stream = await openStream({ bus, prefix, side: 'opener', clock: systemClock, ...sizes })
  t.teardown(() => Promise.all([bus.close(), node.close()]))
  return {
    ...{ broker, node, door, stream, uid: object.metadata.uid ?? '' },
    ask: (body, timeoutMs = 3000) => requester.request(topics.clientRequests(alice), body, { timeoutMs, stream: 's1' }),
    serve: asked =>
      openStream({
        ...{ bus: node, prefix: topics.nodeStream('board-1', asked.stream), side: 'server' as const },
        ...{ clock: systemClock, ...sizes },
      }),
    async onAsked(handle) {
      await node.subscribe(topics.nodeRequests('board-1'), ({ payload }) => handle(JSON.parse(payload.toString())))
    },
    answer: ({ id }, answer) => node.publish(topics.nodeReplies('board-1'), JSON.stringify({ id, ...answer })),
  }
}

test('logs are asked of the node by the master, and come to the client through it', async t => {
  const { ask, onAsked, serve, answer, stream, uid, broker } = await setScene(t)
  const spy = broker.connect('spy')
  t.teardown(() => spy.close())
  const nodeHears: string[] = []
  await spy.subscribe(`${topics.root}nodes/board-1/#`, ({ topic, payload }) => nodeHears.push(`${topic} ${payload}`))
  const seen: Asked[] = []
  await onAsked(async asked => {
    seen.push(asked)
    const far = await serve(asked)
    // The node may tell the client nothing by its answer.
    await answer(asked, { body: { stream: true, and: 'more' } })
    await far.sendBytes('stdout', Buffer.from('hello'))
    await far.end()
  })
  t.deepEqual(await ask(logs), { stream: true })
  const web1 = { namespace: 'default', name: 'web-1', uid }
  t.deepEqual(
    seen.map(({ body }) => body),
    [{ verb: 'logs', pod: web1, container: 'web', options: { tailLines: 3 } }],
  )
  t.true((seen[0]?.timeoutMs ?? 0) < 3000, 'the node has less time than the client waits')
  const frames: unknown[] = []
  for await (const frame of stream.frames) frames.push(readBytesFrame(frame)?.data.toString())
  t.deepEqual(frames, ['hello'])
  t.true(nodeHears.length > 2)
  t.notRegex(nodeHears.join('\n'), /alice|\bc1\b|clients|\bs1\b/, 'of the client the node hears nothing')
})

test('the name of a stream of a node is new each time, and nobody can guess it', async t => {
  const { ask, onAsked, answer } = await setScene(t)
  const ids: string[] = []
  await onAsked(asked => {
    ids.push(asked.stream)
    void answer(asked, { body: { stream: true } })
  })
  await ask(logs)
  await ask(logs)
  t.is(new Set(ids).size, 2)
  for (const id of ids) t.regex(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
})

test('what the node refuses with is told, and leaves room for others', async t => {
  const { ask, onAsked, answer } = await setScene(t, { maxRelays: 1 })
  await onAsked(asked => void answer(asked, { error: { code: 'NotFound', message: 'it has not run before' } }))
  for (let round = 0; round < 3; round++)
    await t.throwsAsync(ask(logs), { code: 'NotFound', message: 'it has not run before' })
})

test('a node that does not answer is named before the client gives up', async t => {
  const { ask, stream } = await setScene(t)
  await t.throwsAsync(ask(logs, 300), {
    code: 'ServiceUnavailable',
    message: /^cannot reach node board-1: .*get nodes/,
  })
  t.is((await stream.closed)?.code, 'ServiceUnavailable')
})

test('the answer of another node counts for nothing', async t => {
  const { ask, onAsked, answer, broker, door } = await setScene(t)
  const thief = broker.connect('board-2')
  t.teardown(() => thief.close())
  await onAsked(asked => {
    const error = { code: 'NotFound', message: 'lies' }
    void thief
      .publish(topics.nodeReplies('board-2'), JSON.stringify({ id: asked.id, error }))
      .then(() => answer(asked, { body: { stream: true } }))
  })
  t.deepEqual(await ask(logs), { stream: true })
  t.deepEqual(door.counts(), { reply: 1 })
})

test('more logs and shells than there may be are refused; one that ends makes room', async t => {
  const { ask, onAsked, serve, answer, stream } = await setScene(t, { maxRelays: 1 })
  await onAsked(async asked => {
    await serve(asked)
    await answer(asked, { body: { stream: true } })
  })
  t.deepEqual(await ask(logs), { stream: true })
  await t.throwsAsync(ask(logs), { code: 'TooManyRequests' })
  await stream.end()
  await eventually('room for one more', () =>
    ask(logs).then(
      () => true,
      () => false,
    ),
  )
})

test('a master that ends says so to those who read a log', async t => {
  const { ask, onAsked, serve, answer, stream, door } = await setScene(t)
  const far = Promise.withResolvers<FrameStream>()
  await onAsked(async asked => {
    far.resolve(await serve(asked))
    await answer(asked, { body: { stream: true } })
  })
  await ask(logs)
  await door.stop()
  t.is((await stream.closed)?.code, 'ServiceUnavailable')
  t.is((await (await far.promise).closed)?.code, 'ServiceUnavailable')
})
