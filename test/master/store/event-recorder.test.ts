/** Events: repeats counted, floods cut, old ones gone. */
import test from 'ava'
import type { Event } from '../../../contract/resources/core.ts'
import { findKind } from '../../../contract/resources/kinds.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { createLog } from '../../../kit/log.ts'
import { seededRandom } from '../../../kit/random.ts'
import { EventRecorder, type Happening } from '../../../master/store/event-recorder.ts'
import { MemoryStore } from '../../../master/store/memory-store.ts'
import { Objects } from '../../../master/store/objects.ts'

const eventKind = findKind('v1', 'Event')!
const minuteMs = 60_000
const started: Happening = { type: 'Normal', reason: 'Started', message: 'Started container web', component: 'agent' }

function pod(name: string): Pod {
  const metadata = { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '7', labels: { app: 'web' } }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] } }
}

function createBench() {
  const clock = new FakeClock(Date.UTC(2026, 0, 1))
  const lines: string[] = []
  const store = new MemoryStore()
  const objects = new Objects({ store, clock, random: seededRandom(1) })
  const log = createLog({ clock, write: line => lines.push(line) })
  const recorder = new EventRecorder({ objects, clock, log })
  const events = async (): Promise<Event[]> => {
    await recorder.settle()
    return objects.list<Event>(eventKind)
  }
  return { clock, lines, store, objects, recorder, events }
}

test('an event tells what happened to whom, when, and who says so', async t => {
  const { recorder, events } = createBench()
  recorder.record(pod('web-1'), { ...started, host: 'board-1' })
  const [event, ...others] = await events()
  t.deepEqual(others, [])
  t.like(event, {
    involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'web-1', uid: 'uid-web-1' },
    type: 'Normal',
    reason: 'Started',
    message: 'Started container web',
    count: 1,
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:00:00Z',
    source: { component: 'agent', host: 'board-1' },
  })
  t.is(event?.metadata.namespace, 'default')
  t.regex(event?.metadata.name ?? '', /^web-1\.[0-9a-f]+$/)
  t.false('labels' in event!.involvedObject)
})

test('events of what belongs to the whole cluster lie in the default namespace', async t => {
  const { recorder, events } = createBench()
  recorder.record({ kind: 'Node', name: 'board-1' }, { type: 'Warning', reason: 'NodeNotReady', message: 'silent' })
  const [event] = await events()
  t.is(event?.metadata.namespace, 'default')
  t.deepEqual(event?.involvedObject, { kind: 'Node', name: 'board-1' })
  t.deepEqual(event?.source, {})
})

test('the same again raises the count and moves the last time', async t => {
  const { clock, recorder, events } = createBench()
  for (let minute = 0; minute < 3; minute++) {
    recorder.record(pod('web-1'), started)
    await recorder.settle()
    await clock.advance(minuteMs)
  }
  // Two at once, before the first is written.
  recorder.record(pod('web-1'), started)
  recorder.record(pod('web-1'), started)
  const [event, ...others] = await events()
  t.deepEqual(others, [])
  t.like(event, { count: 5, firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:03:00Z' })
})

test('another message, reason, object or a long pause makes another event', async t => {
  const { clock, recorder, events } = createBench()
  recorder.record(pod('web-1'), started)
  recorder.record(pod('web-1'), { ...started, message: 'Started container log' })
  recorder.record(pod('web-1'), { ...started, reason: 'Pulled' })
  recorder.record(pod('web-2'), started)
  await clock.advance(10 * minuteMs)
  recorder.record(pod('web-1'), started)
  const all = await events()
  t.is(all.length, 5)
  t.true(all.every(event => event.count === 1))
  t.is(new Set(all.map(event => event.metadata.name)).size, 5)
})

test('a repeat of an event that was deleted is written anew, with its count', async t => {
  const { recorder, objects, events } = createBench()
  recorder.record(pod('web-1'), started)
  for (const event of await events()) await objects.remove(event)
  recorder.record(pod('web-1'), started)
  t.like(await events(), [{ count: 2 }])
})

test('25 at once about one object, then one in half a minute; others are not held back', async t => {
  const { clock, recorder, events } = createBench()
  const flood = (name: string, times: number): void => {
    for (let n = 0; n < times; n++) recorder.record(pod(name), { ...started, message: `${clock.now()} ${n}` })
  }
  flood('web-1', 100)
  t.is((await events()).length, 25)
  flood('web-2', 3)
  t.is((await events()).length, 28)
  await clock.advance(minuteMs)
  flood('web-1', 100)
  t.is((await events()).length, 30)
})

test('a message is cut to what Kubernetes allows', async t => {
  const { recorder, events } = createBench()
  recorder.record(pod('web-1'), { ...started, message: 'x'.repeat(5000) })
  t.is((await events())[0]?.message.length, 1024)
})

test('a sweep removes what was last seen over an hour ago, and nothing else', async t => {
  const { clock, recorder, objects, events } = createBench()
  recorder.record(pod('old'), started)
  recorder.record(pod('repeated'), started)
  await recorder.settle()
  await clock.advance(9 * minuteMs)
  recorder.record(pod('repeated'), started)
  await objects.create<Event>({
    ...(await events())[0]!,
    metadata: { name: 'broken', namespace: 'default' },
    lastTimestamp: 'yesterday',
  })
  await clock.advance(51 * minuteMs)
  await recorder.sweep()
  t.is((await events()).length, 2, 'an hour is not more than an hour')
  await clock.advance(1000)
  await recorder.sweep()
  t.deepEqual(
    (await events()).map(event => event.involvedObject.name),
    ['repeated'],
  )
})

test('of too many events the oldest go', async t => {
  const { clock, recorder, objects, events } = createBench()
  const start = clock.now()
  const event = (n: number): Event => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `e${n}`, namespace: `n${n % 3}` },
    involvedObject: { kind: 'Pod', name: 'web' },
    ...started,
    lastTimestamp: new Date(start + n * 100).toISOString(),
  })
  for (let n = 0; n < 5004; n++) await objects.create(event(n))
  await recorder.sweep()
  const names = new Set((await events()).map(({ metadata }) => metadata.name))
  t.is(names.size, 5000)
  t.deepEqual(
    ['e0', 'e3', 'e4', 'e5003'].map(name => names.has(name)),
    [false, false, true, true],
  )
})

test('a store that takes nothing is told of in the log, and nobody’s work fails', async t => {
  const { lines, store, recorder } = createBench()
  await store.close()
  t.notThrows(() => recorder.record(pod('web-1'), started))
  await t.notThrowsAsync(recorder.settle())
  t.is(lines.length, 1)
  t.regex(lines[0] ?? '', /warn {2}cannot keep an event error=.* reason=Started name=web-1/)
})
