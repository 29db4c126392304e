import test from 'ava'
import { Reporter } from '../../../agent/telemetry/reporter.ts'
import type { NodeStatus } from '../../../contract/resources/node.ts'
import type { PodReport, Report, ReportedEvent } from '../../../contract/wire/fleet.ts'
import type { Bus } from '../../../kit/bus/bus.ts'
import { MemoryBroker } from '../../../kit/bus/memory-bus.ts'
import { CodedError } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'

const topic = 'nodes/board-1/report'
const node: NodeStatus = { capacity: { cpu: '4' } }

async function setScene() {
  const [broker, clock] = [new MemoryBroker(), new FakeClock()]
  const [bus, master] = [broker.connect('agent'), broker.connect('master')]
  const heard: Report[] = []
  await master.subscribe(topic, message => heard.push(JSON.parse(String(message.payload))))
  const failures = { left: 0, met: 0 }
  const reporter = new Reporter({ bus: failing(bus, failures), topic, session: 's-1', clock, log: silentLog })
  bus.onConnect(() => reporter.sendFull())
  /** What was sent since the last call. */
  const news = async (ms = 100): Promise<Report[]> => {
    await clock.advance(ms)
    return heard.splice(0)
  }
  return { bus, clock, reporter, failures, news }
}

/** The bus, whose publications fail as often as told. */
function failing(bus: Bus, failures: { left: number; met: number }): Bus {
  return new Proxy(bus, {
    get(target, name: keyof Bus) {
      if (name === 'publish' && failures.left > 0) {
        return async () => {
          failures.left--
          failures.met++
          throw new CodedError('ServiceUnavailable', 'cannot publish: because the line is dead')
        }
      }
      const value = target[name]
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const running = (name: string): PodReport => ({ namespace: 'default', name, status: { phase: 'Running' } })
const event = (message: string): ReportedEvent => ({ type: 'Normal', reason: 'Started', message, timestamp: 'now' })

test('the first report holds everything, the next ones what changed, each one number higher', async t => {
  const { reporter, news } = await setScene()
  reporter.setNode(node)
  reporter.setWish({ epoch: 1, generation: 7 })
  reporter.setPod('a', running('a'))
  reporter.setPod('b', running('b'))
  const known = { session: 's-1', wish: { epoch: 1, generation: 7 }, node }
  t.deepEqual(await news(), [{ ...known, sequence: 1, full: true, pods: { a: running('a'), b: running('b') } }])
  const failed: PodReport = { ...running('b'), status: { phase: 'Failed' } }
  reporter.setPod('b', failed)
  t.deepEqual(await news(), [{ session: 's-1', sequence: 2, full: false, pods: { b: failed } }])
  reporter.setWish({ epoch: 1, generation: 8 })
  t.deepEqual(await news(), [{ session: 's-1', sequence: 3, full: false, wish: { epoch: 1, generation: 8 } }])
  const usage = { timestamp: 'now', usage: { cpu: '1' } }
  reporter.setUsage(usage)
  t.deepEqual(await news(), [{ session: 's-1', sequence: 4, full: false, usage }])
})

test('a full report says so even when there is no pod', async t => {
  const { reporter, news } = await setScene()
  reporter.setNode(node)
  t.deepEqual((await news())[0]?.pods, {})
})

test('nothing is sent before the board is known', async t => {
  const { reporter, news } = await setScene()
  reporter.setPod('a', running('a'))
  reporter.addEvent(event('early'))
  t.deepEqual(await news(60_000), [])
  reporter.setNode(node)
  const [report] = await news()
  t.deepEqual([Object.keys(report?.pods ?? {}), report?.events?.length], [['a'], 1])
})

test('nothing is sent when nothing changed', async t => {
  const { reporter, news } = await setScene()
  reporter.setNode(node)
  reporter.setPod('a', running('a'))
  await news()
  reporter.setNode(structuredClone(node))
  reporter.setPod('a', running('a'))
  t.deepEqual(await news(3_600_000), [])
})

test('a pod that is no longer wished is no longer told, and costs no message', async t => {
  const { reporter, news } = await setScene()
  reporter.setNode(node)
  for (const name of ['a', 'b']) reporter.setPod(name, running(name))
  await news()
  reporter.setPod('a', { namespace: 'default', name: 'a', gone: true })
  reporter.keepPods(uid => uid === 'b')
  t.deepEqual(await news(), [])
  reporter.sendFull()
  t.deepEqual(Object.keys((await news())[0]?.pods ?? {}), ['b'])
})

test('changes that come close together share a message', async t => {
  const { reporter, news } = await setScene()
  reporter.setNode(node)
  await news()
  for (let round = 0; round < 50; round++) reporter.setPod(`pod-${round % 5}`, running(`turn-${round}`))
  const reports = await news()
  t.is(reports.length, 1)
  t.deepEqual(
    Object.values(reports[0]?.pods ?? {}).map(({ name }) => name),
    [45, 46, 47, 48, 49].map(n => `turn-${n}`),
  )
})

test('each connection begins with one full report, and what changed meanwhile is in it', async t => {
  const { bus, reporter, news } = await setScene()
  reporter.setNode(node)
  await news()
  bus.cut()
  reporter.setPod('a', running('a'))
  t.deepEqual(await news(), [])
  bus.mend()
  const reports = await news()
  t.like(reports, [{ sequence: 2, full: true, node }])
  t.deepEqual(Object.keys(reports[0]?.pods ?? {}), ['a'])
  reporter.setPod('a', { ...running('a'), gone: true })
  t.like(await news(), [{ sequence: 3, full: false }])
})

test('a report that could not be sent leads to a full one, with its events, after a pause', async t => {
  const { reporter, failures, news } = await setScene()
  reporter.setNode(node)
  reporter.setPod('a', running('a'))
  await news()
  failures.left = 3
  reporter.addEvent(event('first'))
  const reports = await news(500)
  t.deepEqual(reports, [])
  t.is(failures.met, 1, 'a dead line is not asked again at once')
  reporter.addEvent(event('second'))
  const [report, ...others] = await news(10_000)
  t.is(failures.met, 3)
  t.deepEqual(others, [])
  t.like(report, { full: true, node })
  t.deepEqual(Object.keys(report?.pods ?? {}), ['a'])
  t.deepEqual(
    report?.events?.map(({ message }) => message),
    ['first', 'second'],
  )
})

test('events wait for a connection, the newest two hundred of them, and are told once', async t => {
  const { bus, reporter, news } = await setScene()
  reporter.setNode(node)
  await news()
  bus.cut()
  for (let number = 0; number < 250; number++) reporter.addEvent(event(`${number}`))
  bus.mend()
  const [report] = await news()
  t.deepEqual(
    report?.events?.map(({ message }) => Number(message)),
    Array.from({ length: 200 }, (_, index) => index + 50),
  )
  reporter.sendFull()
  t.is((await news())[0]?.events, undefined)
})

test('events that could not be sent and those that came since stay within the limit together', async t => {
  const { reporter, failures, news } = await setScene()
  reporter.setNode(node)
  await news()
  failures.left = 5
  for (let round = 0; round < 5; round++) {
    for (let number = 0; number < 150; number++) reporter.addEvent(event(`${round * 150 + number}`))
    await news(1000)
  }
  const [report] = await news(10_000)
  t.deepEqual(
    report?.events?.map(({ message }) => Number(message)),
    Array.from({ length: 200 }, (_, index) => index + 550),
  )
})

test('after its end it says nothing', async t => {
  const { reporter, news } = await setScene()
  reporter.setNode(node)
  reporter.stop()
  reporter.setPod('a', running('a'))
  t.deepEqual(await news(60_000), [])
})
