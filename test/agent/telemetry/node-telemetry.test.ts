import { tmpdir } from 'node:os'
import test, { type ExecutionContext } from 'ava'
import { FakeRuntime } from '../../../agent/runtime/fake-runtime.ts'
import { NodeTelemetry } from '../../../agent/telemetry/node-telemetry.ts'
import { Reporter } from '../../../agent/telemetry/reporter.ts'
import { type Sample, Sensors } from '../../../agent/telemetry/sensors.ts'
import { type Beat, profiles, type Report } from '../../../contract/wire/fleet.ts'
import { MemoryBroker } from '../../../kit/bus/memory-bus.ts'
import { CodedError } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { eventually } from '../../kit/eventually.ts'

const gibibyte = 2 ** 30

/** Sensors that read what the test says. */
class FakeSensors extends Sensors {
  reading: Sample = { cpuMillis: 100, memoryBytes: gibibyte, memoryTotalBytes: 4 * gibibyte, temperatureCelsius: 40 }

  override async sample(): Promise<Sample> {
    return this.reading
  }
}

async function setScene(t: ExecutionContext) {
  const [broker, clock] = [new MemoryBroker(), new FakeClock()]
  const [bus, master] = [broker.connect('agent'), broker.connect('master')]
  const [beats, reports]: [Beat[], Report[]] = [[], []]
  await master.subscribe('beat', message => beats.push(JSON.parse(String(message.payload))))
  await master.subscribe('report', message => reports.push(JSON.parse(String(message.payload))))
  const runtime = new FakeRuntime({ clock })
  const sensors = new FakeSensors()
  const reporter = new Reporter({ bus, topic: 'report', session: 's', clock, log: silentLog })
  const info = {
    ...{ architecture: 'arm64', operatingSystem: 'linux', osImage: 'x', kernelVersion: 'x' },
    ...{ machineID: 'x', systemUUID: 'x', bootID: 'x' },
  }
  const telemetry = new NodeTelemetry({
    ...{ bus, beatTopic: 'beat', session: 's', reporter, runtime, sensors, clock, log: silentLog },
    ...{ offered: {}, agentVersion: '0.1.0', dataDirectory: tmpdir(), profile: profiles.lan },
    inventory: { hostname: 'board-1', model: '', cores: 4, info },
    address: async () => '192.168.0.9',
  })
  await telemetry.start()
  t.teardown(async () => {
    await telemetry.stop()
    reporter.stop()
  })
  const ready = (): string | undefined =>
    reports.flatMap(({ node }) => node?.conditions ?? []).findLast(({ type }) => type === 'Ready')?.status
  /** Lets time pass in small steps; a little of it is real, since the size of the disk is asked for. */
  const until = (what: string, holds: () => unknown): Promise<unknown> =>
    eventually(what, async () => {
      await clock.advance(250)
      return holds()
    })
  return { bus, clock, runtime, sensors, beats, reports, ready, until }
}

test('a board beats at the pace of its profile, and is silent while it is not connected', async t => {
  const { bus, clock, beats } = await setScene(t)
  await clock.advance(10_000)
  t.true(beats.length >= 10 && beats.length <= 12, `${beats.length} beats`)
  t.deepEqual(beats[0], { session: 's' })
  bus.cut()
  const before = beats.length
  await clock.advance(10_000)
  t.is(beats.length, before)
})

test('what the sensors read is told when it moved', async t => {
  const { sensors, reports, until } = await setScene(t)
  const usages = () => reports.flatMap(({ usage }) => (usage ? [usage.usage] : []))
  await until('the first reading', () => usages().length === 1)
  sensors.reading = { ...sensors.reading, cpuMillis: 2000 }
  await until('the second', () => usages().length === 2)
  t.is(usages()[1]?.['cpu'], '2')
})

test('what has not moved is told rarely', async t => {
  const { clock, reports } = await setScene(t)
  const usages = () => reports.filter(({ usage }) => usage).length
  await clock.advance(profiles.lan.usageMs * 11)
  t.is(usages(), 1)
  await clock.advance(profiles.lan.usageMs * 2)
  t.is(usages(), 2)
})

test('a runtime that is away for some seconds makes no node unready; one that stays away does', async t => {
  const { clock, runtime, ready, until } = await setScene(t)
  await until('it is ready', () => ready() === 'True')
  const away = new CodedError('ServiceUnavailable', 'cannot ask: because nobody listens')
  for (let failures = 0; failures < 20; failures++) runtime.failNext('ready', away)
  await clock.advance(10_000)
  t.is(ready(), 'True')
  await until('it is not ready', () => ready() === 'False')
  await until('it is ready again', () => ready() === 'True')
})
