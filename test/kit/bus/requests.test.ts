import test from 'ava'
import type { Bus } from '../../../kit/bus/bus.ts'
import { MemoryBroker, type MemoryBus } from '../../../kit/bus/memory-bus.ts'
import { Requester } from '../../../kit/bus/request.ts'
import { type RequestContext, type ServeRequestsOptions, serveRequests } from '../../../kit/bus/serve-requests.ts'
import { CodedError, hasCode } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { seededRandom } from '../../../kit/random.ts'

type Handle = (body: unknown, context: RequestContext) => Promise<unknown>

interface Scene {
  clock: FakeClock
  broker: MemoryBroker
  asking: MemoryBus
  serving: MemoryBus
  requester: Requester
  serve(topic: string, handle: Handle, options?: Partial<ServeRequestsOptions>): Promise<() => void>
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
      topic,
      clock,
      log: silentLog,
      maxInFlight: 2,
      replyPattern: /^replies\/[a-z]+$/,
      streamPattern: /^streams\/[a-z]+$/,
      handle,
      ...options,
    })
  return { clock, broker, asking, serving, requester, serve }
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
  t.is(await requester.request('sums', [1, 2, 3], { timeoutMs: 1000 }), 6)
})

test('an error crosses the wire with its code, message and problems', async t => {
  const { requester, serve } = await setScene()
  const problems = [{ path: 'spec.replicas', message: 'must be a number', line: 3 }]
  await serve('x', async () => {
    throw new CodedError('Invalid', 'cannot apply: because it is wrong', { problems })
  })
  const error = await t.throwsAsync(requester.request('x', {}, { timeoutMs: 1000 }), { instanceOf: CodedError })
  t.is(error.code, 'Invalid')
  t.is(error.message, 'cannot apply: because it is wrong')
  t.deepEqual(error.problems, problems)
})

test('what a handler throws without a code arrives as InternalError', async t => {
  const { requester, serve } = await setScene()
  await serve('x', async () => {
    throw new TypeError('x is not a function')
  })
  const error = await t.throwsAsync(requester.request('x', {}, { timeoutMs: 1000 }), { instanceOf: CodedError })
  t.is(error.code, 'InternalError')
})

test('an answer that is no JSON does not leave the asker waiting', async t => {
  const { requester, serve } = await setScene()
  const circle: { self?: unknown } = {}
  circle.self = circle
  await serve('x', async () => circle)
  const error = await t.throwsAsync(requester.request('x', {}, { timeoutMs: 1000 }), { instanceOf: CodedError })
  t.is(error.code, 'InternalError')
})

test('an asker that nobody answers gives up at its deadline', async t => {
  const { clock, requester } = await setScene()
  const asked = requester.request('nobody', {}, { timeoutMs: 1000 })
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
  const asked = requester.request('slow', {}, { timeoutMs: 1000 })
  asked.catch(() => undefined) // Looked at below; the clock moves first.
  await clock.advance(1000)
  await t.throwsAsync(asked)
  t.true(hasCode(signals[0]?.reason, 'Timeout'))
})

test('an asker can lose interest', async t => {
  const { requester } = await setScene()
  const abort = new AbortController()
  const asked = requester.request('nobody', {}, { timeoutMs: 1000, signal: abort.signal })
  abort.abort(new Error('changed my mind'))
  await t.throwsAsync(asked, { message: 'changed my mind' })
  await t.throwsAsync(requester.request('nobody', {}, { timeoutMs: 1000, signal: abort.signal }))
})

test('a lost connection ends the wait at once: the answer would not find us', async t => {
  const { asking, requester, serve } = await setScene()
  await serve('never', () => new Promise(() => undefined))
  const asked = requester.request('never', {}, { timeoutMs: 60_000 })
  asking.cut()
  const error = await t.throwsAsync(asked, { instanceOf: CodedError })
  t.is(error.code, 'ServiceUnavailable')
  const unsent = await t.throwsAsync(requester.request('never', {}, { timeoutMs: 1000 }), { instanceOf: CodedError })
  t.is(unsent.code, 'ServiceUnavailable')
})

test('more requests than may be in flight are refused, and room comes back', async t => {
  const { requester, serve } = await setScene()
  const gates: Array<(value: string) => void> = []
  await serve('gate', () => new Promise(resolve => gates.push(resolve)))
  const first = [1, 2].map(() => requester.request('gate', {}, { timeoutMs: 1000 }))
  const error = await t.throwsAsync(requester.request('gate', {}, { timeoutMs: 1000 }), { instanceOf: CodedError })
  t.is(error.code, 'TooManyRequests')
  for (const open of gates.splice(0)) open('through')
  t.deepEqual(await Promise.all(first), ['through', 'through'])
  const next = requester.request('gate', {}, { timeoutMs: 1000 })
  await new Promise(resolve => setImmediate(resolve))
  gates[0]?.('again')
  t.is(await next, 'again')
})

test('a request that is delivered twice is handled once', async t => {
  const { asking, clock, serve } = await setScene()
  const replies = await spy(asking, 'replies/twice')
  let handled = 0
  await serve('x', async () => ++handled)
  const envelope = JSON.stringify({ id: '1', replyTo: 'replies/twice', timeoutMs: 1000, body: {} })
  for (let round = 0; round < 3; round++) await asking.publish('x', envelope)
  await clock.advance(0)
  t.deepEqual(replies, [{ id: '1', body: 1 }])
})

test('a forwarded request is answered by the other side, within what is left of the deadline', async t => {
  const { clock, requester, serve, asking } = await setScene()
  const passed = await spy(asking, 'node')
  await serve('api', async (body, context) => {
    await new Promise<void>(resolve => clock.after(300, resolve))
    return context.forward('node', { logsOf: body })
  })
  await serve('node', async (body, { stream }) => ({ body, stream }))
  const asked = requester.request('api', 'pod-1', { timeoutMs: 1000, stream: 'streams/abc' })
  await clock.advance(300)
  t.deepEqual(await asked, { body: { logsOf: 'pod-1' }, stream: 'streams/abc' })
  t.like(passed[0], { replyTo: 'replies/asker', timeoutMs: 700, stream: 'streams/abc' })
})

test('a request that may make us write anywhere is dropped and counted', async t => {
  const { asking, clock, serve } = await setScene()
  const everything = await spy(asking, 'secret/#')
  let handled = 0
  await serve('x', async () => ++handled)
  const good = { id: '1', replyTo: 'replies/a', timeoutMs: 1000, body: 1 }
  const bad: unknown[] = [
    { ...good, replyTo: 'secret/topic' },
    { ...good, replyTo: 'replies/a/../b' },
    { ...good, stream: 'secret/stream' },
    { ...good, id: 7 },
    { ...good, id: 'x'.repeat(65) },
    { ...good, timeoutMs: -1 },
    { ...good, timeoutMs: 'soon' },
    [good],
    null,
    'text',
  ]
  for (const envelope of bad) await asking.publish('x', JSON.stringify(envelope))
  await asking.publish('x', '{not json')
  await asking.publish('x', Buffer.from([0xff, 0x00, 0xfe]))
  await asking.publish('x', JSON.stringify(good), { retain: false })
  await clock.advance(0)
  t.is(handled, 1)
  t.deepEqual(everything, [])
})

test('a retained request is none: it would be asked again at every connection', async t => {
  const { asking, clock, serve } = await setScene()
  await asking.publish('x', JSON.stringify({ id: '1', replyTo: 'replies/a', timeoutMs: 1000 }), { retain: true })
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
  t.is(await requester.request('x', {}, { timeoutMs: 1000 }), 'fine')
})

test('stopping a server aborts what it works on and hears nothing more', async t => {
  const { asking, clock, requester, serve } = await setScene()
  const stop = await serve('x', (_body, { signal }) => {
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  })
  const asked = requester.request('x', {}, { timeoutMs: 1000 })
  await clock.advance(0)
  stop()
  const error = await t.throwsAsync(asked, { instanceOf: CodedError })
  t.is(error.code, 'ServiceUnavailable')
  const replies = await spy(asking, 'replies/late')
  await asking.publish('x', JSON.stringify({ id: '2', replyTo: 'replies/late', timeoutMs: 1000 }))
  await clock.advance(0)
  t.deepEqual(replies, [])
})
