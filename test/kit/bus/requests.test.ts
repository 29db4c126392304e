import test from 'ava'
import { BadMessages } from '../../../kit/bus/bad-messages.ts'
import type { Bus } from '../../../kit/bus/bus.ts'
import { MemoryBroker, type MemoryBus } from '../../../kit/bus/memory-bus.ts'
import { Requester } from '../../../kit/bus/request.ts'
import {
  type AskerTopics,
  type RequestContext,
  type ServeRequestsOptions,
  serveRequests,
} from '../../../kit/bus/serve-requests.ts'
import { CodedError, hasCode } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { seededRandom } from '../../../kit/random.ts'

type Asker = AskerTopics & { name: string }
type Handle = (body: unknown, context: RequestContext<Asker>) => Promise<unknown>

interface Scene {
  clock: FakeClock
  broker: MemoryBroker
  asking: MemoryBus
  serving: MemoryBus
  requester: Requester
  /** On `<asker>/<topic>` of any asker. */
  serve(topic: string, handle: Handle, options?: Partial<ServeRequestsOptions<Asker>>): Promise<() => void>
}

async function setScene(): Promise<Scene> {
  const broker = new MemoryBroker()
  const clock = new FakeClock()
  const [asking, serving] = [broker.connect('asker'), broker.connect('server')]
  const requester = new Requester({ bus: asking, repliesTopic: 'replies/asker', clock, random: seededRandom(1) })
  await requester.start()
  const serve: Scene['serve'] = (topic, handle, options = {}) =>
    serveRequests({
      bus: serving,
      topic: `+/${topic}`,
      clock,
      log: silentLog,
      maxInFlight: 2,
      askerOf,
      handle,
      ...options,
    })
  return { clock, broker, asking, serving, requester, serve }
}

/** Nobody asks on the topics of `mallory`. */
function askerOf(topic: string): Asker | undefined {
  const [name = ''] = topic.split('/')
  if (name === 'mallory') return undefined
  return { name, replies: `replies/${name}`, stream: id => `streams/${name}/${id}` }
}

/** Every message on `topic`, decoded. */
async function spy(bus: Bus, topic: string): Promise<Array<Record<string, unknown>>> {
  const seen: Array<Record<string, unknown>> = []
  await bus.subscribe(topic, message => seen.push(JSON.parse(String(message.payload))))
  return seen
}

test('a request is answered', async t => {
  const { requester, serve } = await setScene()
  await serve('sums', async body => (body as number[]).reduce((sum, number) => sum + number, 0))
  t.is(await requester.request('asker/sums', [1, 2, 3], { timeoutMs: 1000 }), 6)
})

test('an error crosses the wire with its code, message and problems', async t => {
  const { requester, serve } = await setScene()
  const problems = [{ path: 'spec.replicas', message: 'must be a number', line: 3 }]
  await serve('x', async () => {
    throw new CodedError('Invalid', 'cannot apply: because it is wrong', { problems })
  })
  const error = await t.throwsAsync(requester.request('asker/x', {}, { timeoutMs: 1000 }), { instanceOf: CodedError })
  t.is(error.code, 'Invalid')
  t.is(error.message, 'cannot apply: because it is wrong')
  t.deepEqual(error.problems, problems)
})

test('what a handler throws without a code arrives as InternalError', async t => {
  const { requester, serve } = await setScene()
  await serve('x', async () => {
    throw new TypeError('x is not a function')
  })
  const error = await t.throwsAsync(requester.request('asker/x', {}, { timeoutMs: 1000 }), { instanceOf: CodedError })
  t.is(error.code, 'InternalError')
})

test('an answer that is no JSON does not leave the asker waiting', async t => {
  const { requester, serve } = await setScene()
  const circle: { self?: unknown } = {}
  circle.self = circle
  await serve('x', async () => circle)
  const error = await t.throwsAsync(requester.request('asker/x', {}, { timeoutMs: 1000 }), { instanceOf: CodedError })
  t.is(error.code, 'InternalError')
})

test('an asker that nobody answers gives up at its deadline', async t => {
  const { clock, requester } = await setScene()
  const asked = requester.request('asker/nobody', {}, { timeoutMs: 1000 })
  await clock.advance(999)
  const early = await Promise.race([asked, Promise.resolve('still waiting')])
  t.is(early, 'still waiting')
  await clock.advance(1)
  const error = await t.throwsAsync(asked, { instanceOf: CodedError })
  t.is(error.code, 'Timeout')
})

test('a handler is told when its asker has given up', async t => {
  const { clock, requester, serve } = await setScene()
  const signals: AbortSignal[] = []
  await serve('slow', (_body, { signal }) => {
    signals.push(signal)
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  })
  const asked = requester.request('asker/slow', {}, { timeoutMs: 1000 })
  asked.catch(() => undefined) // Looked at below; the clock moves first.
  await clock.advance(1000)
  await t.throwsAsync(asked)
  t.true(hasCode(signals[0]?.reason, 'Timeout'))
})

test('an asker can lose interest', async t => {
  const { requester } = await setScene()
  const abort = new AbortController()
  const asked = requester.request('asker/nobody', {}, { timeoutMs: 1000, signal: abort.signal })
  abort.abort(new Error('changed my mind'))
  await t.throwsAsync(asked, { message: 'changed my mind' })
  await t.throwsAsync(requester.request('asker/nobody', {}, { timeoutMs: 1000, signal: abort.signal }))
})

test('a lost connection ends the wait at once: the answer would not find us', async t => {
  const { asking, requester, serve } = await setScene()
  await serve('never', () => new Promise(() => undefined))
  const asked = requester.request('asker/never', {}, { timeoutMs: 60_000 })
  asking.cut()
  const error = await t.throwsAsync(asked, { instanceOf: CodedError })
  t.is(error.code, 'ServiceUnavailable')
  const unsent = await t.throwsAsync(requester.request('asker/never', {}, { timeoutMs: 1000 }), {
    instanceOf: CodedError,
  })
  t.is(unsent.code, 'ServiceUnavailable')
})

test('more requests than may be in flight are refused, and room comes back', async t => {
  const { requester, serve } = await setScene()
  const gates: Array<(value: string) => void> = []
  await serve('gate', () => new Promise(resolve => gates.push(resolve)))
  const first = [1, 2].map(() => requester.request('asker/gate', {}, { timeoutMs: 1000 }))
  const error = await t.throwsAsync(requester.request('asker/gate', {}, { timeoutMs: 1000 }), {
    instanceOf: CodedError,
  })
  t.is(error.code, 'TooManyRequests')
  for (const open of gates.splice(0)) open('through')
  t.deepEqual(await Promise.all(first), ['through', 'through'])
  const next = requester.request('asker/gate', {}, { timeoutMs: 1000 })
  await new Promise(resolve => setImmediate(resolve))
  gates[0]?.('again')
  t.is(await next, 'again')
})

test('a request that is delivered twice is handled once', async t => {
  const { asking, clock, serve } = await setScene()
  const replies = await spy(asking, 'replies/twice')
  let handled = 0
  await serve('x', async () => ++handled)
  const envelope = JSON.stringify({ id: '1', timeoutMs: 1000, body: {} })
  for (let round = 0; round < 3; round++) await asking.publish('twice/x', envelope)
  await clock.advance(0)
  t.deepEqual(replies, [{ id: '1', body: 1 }])
})

test('the answer goes to whoever the topic belongs to, and the handler is told who that is', async t => {
  const { asking, clock, serve } = await setScene()
  const [alice, bob] = [await spy(asking, 'replies/alice'), await spy(asking, 'replies/bob')]
  await serve('x', async (_body, { asker, stream }) => ({ name: asker.name, stream }))
  // The same id twice: two askers know nothing of each other.
  await asking.publish('alice/x', JSON.stringify({ id: '1', timeoutMs: 1000, stream: 's1' }))
  await asking.publish('bob/x', JSON.stringify({ id: '1', timeoutMs: 1000 }))
  await clock.advance(0)
  t.deepEqual(alice, [{ id: '1', body: { name: 'alice', stream: 'streams/alice/s1' } }])
  t.deepEqual(bob, [{ id: '1', body: { name: 'bob' } }])
})

test('an asker whose topics have no streams is offered none', async t => {
  const { requester, serve } = await setScene()
  await serve('x', async (_body, { stream }) => String(stream), {
    askerOf: () => ({ name: '', replies: 'replies/asker' }),
  })
  t.is(await requester.request('asker/x', {}, { timeoutMs: 1000, stream: 's1' }), 'undefined')
})

test('an answer counts only on the topic of the one that was asked', async t => {
  const { broker, clock, asking } = await setScene()
  const bad = new BadMessages(silentLog)
  const requester = new Requester({
    bus: asking,
    repliesTopic: 'nodes/+/replies',
    clock,
    random: seededRandom(2),
    badMessages: bad,
  })
  await requester.start()
  const [board, thief] = [broker.connect('board'), broker.connect('thief')]
  await board.subscribe('nodes/board/requests', message => {
    const { id } = JSON.parse(String(message.payload))
    // It even knows the id, which nobody can guess.
    void thief.publish('nodes/thief/replies', JSON.stringify({ id, body: 'stolen' }))
    clock.after(10, () => void board.publish('nodes/board/replies', JSON.stringify({ id, body: 'true' })))
  })
  const asked = requester.request('nodes/board/requests', {}, { timeoutMs: 1000, answeredOn: 'nodes/board/replies' })
  await clock.advance(10)
  t.is(await asked, 'true')
  t.deepEqual(bad.counts(), { reply: 1 })
})

test('an answer that the broker kept is none', async t => {
  const { broker, clock, asking } = await setScene()
  const bad = new BadMessages(silentLog)
  // Whoever knows the seed knows the id.
  const random = seededRandom(3)
  const id = seededRandom(3).uuid()
  await broker.connect('board').publish('kept', JSON.stringify({ id, body: 'old' }), { retain: true })
  const requester = new Requester({ bus: asking, repliesTopic: 'kept', clock, random, badMessages: bad })
  await requester.start()
  const asked = requester.request('asker/nobody', {}, { timeoutMs: 1000 })
  const refused = t.throwsAsync(asked, { code: 'Timeout' })
  await clock.advance(1000)
  await refused
  t.deepEqual(bad.counts(), { reply: 1 })
})

test('a request that may make us write anywhere is dropped and counted', async t => {
  const { asking, clock, serve } = await setScene()
  const everything = await spy(asking, 'secret/#')
  let handled = 0
  const counted = new BadMessages(silentLog)
  await serve('x', async () => ++handled, { badMessages: counted })
  const good = { id: '1', timeoutMs: 1000, body: 1 }
  const bad: unknown[] = [
    { ...good, stream: 'secret/stream' },
    { ...good, stream: '../../secret' },
    { ...good, stream: '+' },
    { ...good, stream: '' },
    { ...good, stream: 'x'.repeat(65) },
    { ...good, stream: 7 },
    { ...good, id: 7 },
    { ...good, id: 'x'.repeat(65) },
    { ...good, timeoutMs: -1 },
    { ...good, timeoutMs: 'soon' },
    [good],
    null,
    'text',
  ]
  for (const envelope of bad) await asking.publish('asker/x', JSON.stringify(envelope))
  await asking.publish('asker/x', '{not json')
  await asking.publish('asker/x', Buffer.from([0xff, 0x00, 0xfe]))
  await asking.publish('mallory/x', JSON.stringify(good))
  // What an older program would have said; it is not looked at.
  await asking.publish('asker/x', JSON.stringify({ ...good, replyTo: 'secret/topic' }))
  await clock.advance(0)
  t.is(handled, 1)
  t.deepEqual(everything, [])
  t.deepEqual(counted.counts(), { request: bad.length + 3 })
})

test('a retained request is none: it would be asked again at every connection', async t => {
  const { asking, clock, serve } = await setScene()
  await asking.publish('asker/x', JSON.stringify({ id: '1', timeoutMs: 1000 }), { retain: true })
  let handled = 0
  await serve('x', async () => ++handled)
  await clock.advance(0)
  t.is(handled, 0)
})

test('garbage among the replies is dropped, and the wait goes on', async t => {
  const { asking, requester, serve } = await setScene()
  for (const payload of ['', '{', '[]', 'null', '{"id":5}', '{"id":"unknown","body":1}']) {
    await asking.publish('replies/asker', payload)
  }
  await serve('x', async () => 'fine')
  t.is(await requester.request('asker/x', {}, { timeoutMs: 1000 }), 'fine')
})

test('stopping a server aborts what it works on and hears nothing more', async t => {
  const { asking, clock, requester, serve } = await setScene()
  const stop = await serve('x', (_body, { signal }) => {
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  })
  const asked = requester.request('asker/x', {}, { timeoutMs: 1000 })
  await clock.advance(0)
  stop()
  const error = await t.throwsAsync(asked, { instanceOf: CodedError })
  t.is(error.code, 'ServiceUnavailable')
  const replies = await spy(asking, 'replies/late')
  await asking.publish('late/x', JSON.stringify({ id: '2', timeoutMs: 1000 }))
  await clock.advance(0)
  t.deepEqual(replies, [])
})
