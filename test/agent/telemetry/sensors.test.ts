import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { currentLoad, mem } from 'systeminformation'
import { parseCpuTimes, parseMeminfo, Sensors } from '../../../agent/telemetry/sensors.ts'
import { sleep, systemClock } from '../../../kit/clock.ts'

/** From a Raspberry Pi 4, shortened. */
const stat = `cpu  10132153 290696 3084719 46828483 16683 0 25195 0 175628 0
cpu0 1393280 32966 572056 13343292 6130 0 17875 0 23933 0
cpu1 1335733 28932 562104 11160342 3547 0 2846 0 26418 0
cpu2 1335733 28932 562104 11160342 3547 0 2846 0 26418 0
cpu3 1335733 28932 562104 11160342 3547 0 2846 0 26418 0
intr 1462898 0 0
ctxt 115315
btime 1767225600
`
const meminfo = `MemTotal:        3884360 kB
MemFree:          284200 kB
MemAvailable:    2984708 kB
Buffers:          112364 kB
HugePages_Total:       0
`

async function setScene(t: ExecutionContext, zones: Record<string, [type: string, temp: string]> = {}) {
  const root = await mkdtemp(join(tmpdir(), 'fs-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const [proc, thermal] = [join(root, 'proc'), join(root, 'thermal')]
  await mkdir(proc)
  const write = (name: string, text: string): Promise<void> => writeFile(join(proc, name), text)
  await write('stat', stat)
  await write('meminfo', meminfo)
  for (const [zone, [type, temp]] of Object.entries(zones)) {
    await mkdir(join(thermal, zone), { recursive: true })
    await writeFile(join(thermal, zone, 'type'), `${type}\n`)
    await writeFile(join(thermal, zone, 'temp'), temp)
  }
  return { sensors: new Sensors({ proc, thermal }), write, thermal }
}

/** The stat file after so many ticks more on the four cores together. */
function later(busyTicks: number, idleTicks: number): string {
  const fields = [10132153 + busyTicks, 290696, 3084719, 46828483 + idleTicks, 16683, 0, 25195, 0, 175628, 0]
  return stat.replace(/^cpu .*$/m, `cpu  ${fields.join(' ')}`)
}

test('ticks are summed: idle and waiting for the disk are not busy, a guest is not counted twice', t => {
  const idle = 46828483 + 16683
  const busy = 10132153 + 290696 + 3084719 + 25195
  t.deepEqual(parseCpuTimes(stat), { busy, total: busy + idle, cores: 4 })
})

test('what the kernel could give away is not in use', t => {
  t.deepEqual(parseMeminfo(meminfo), { totalBytes: 3884360 * 1024, availableBytes: 2984708 * 1024 })
})

test('the first sample knows no share of the processor, the next one that since the first', async t => {
  const { sensors, write } = await setScene(t)
  t.like(await sensors.sample(), { cpuMillis: undefined, memoryBytes: 899652 * 1024, memoryTotalBytes: 3884360 * 1024 })
  await write('stat', later(300, 100))
  t.is((await sensors.sample()).cpuMillis, 3000)
  await write('stat', later(300, 500))
  t.is((await sensors.sample()).cpuMillis, 0)
})

test('no time between two samples, or counters that went back, are no load', async t => {
  const { sensors, write } = await setScene(t)
  await write('stat', later(500, 500))
  await sensors.sample()
  t.is((await sensors.sample()).cpuMillis, 0)
  await write('stat', stat)
  t.is((await sensors.sample()).cpuMillis, 0)
})

for (const [title, zones, expected] of [
  ['no directory of sensors', {}, undefined],
  ['one zone', { thermal_zone0: ['cpu-thermal', '48312\n'] }, 48.312],
  [
    'several of the processor: the hottest',
    { thermal_zone0: ['x86_pkg_temp', '51000\n'], thermal_zone1: ['cpu1', '63500'] },
    63.5,
  ],
  ['a hotter radio beside it', { thermal_zone0: ['iwlwifi_1', '71000'], thermal_zone1: ['soc_thermal', '44000'] }, 44],
  ['only zones of something else', { thermal_zone0: ['battery', '31000'], thermal_zone1: ['nvme', '38000'] }, 38],
  ['below zero, outdoors', { thermal_zone0: ['cpu-thermal', '-4500\n'] }, -4.5],
  ['a zone that says nothing', { thermal_zone0: ['cpu-thermal', ''], thermal_zone1: ['cpu1', '40000'] }, 40],
  ['a zone that talks nonsense', { thermal_zone0: ['cpu-thermal', 'hot\n'] }, undefined],
  [
    'a cooling device among them',
    { thermal_zone0: ['cpu-thermal', '40000'], cooling_device0: ['cpu-fan', '99000'] },
    40,
  ],
] as Array<[string, Record<string, [string, string]>, number | undefined]>) {
  test(`the temperature, with ${title}, is ${expected}`, async t => {
    const { sensors } = await setScene(t, zones)
    t.is((await sensors.sample()).temperatureCelsius, expected)
  })
}

test('a zone that cannot be read is as if it were not there', async t => {
  const { sensors, thermal } = await setScene(t, { thermal_zone0: ['cpu-thermal', '40000'] })
  // A directory where the file should be fails to be read for root too.
  await mkdir(join(thermal, 'thermal_zone1', 'temp'), { recursive: true })
  await writeFile(join(thermal, 'thermal_zone1', 'type'), 'cpu1')
  t.is((await sensors.sample()).temperatureCelsius, 40)
})

test('on this machine the sensors agree with systeminformation', async t => {
  const sensors = new Sensors()
  await sensors.sample()
  // Both average from the same moment to the same moment, so a busy machine is no difference between them.
  await currentLoad()
  await sleep(systemClock, 1500)
  const [sample, load, memory] = await Promise.all([sensors.sample(), currentLoad(), mem()])
  t.is(sample.memoryTotalBytes, memory.total)
  const used = memory.total - memory.available
  t.true(Math.abs(sample.memoryBytes - used) < 0.1 * memory.total, `${sample.memoryBytes} and ${used} bytes`)
  const share = (sample.cpuMillis ?? 0) / 10 / load.cpus.length
  t.true(Math.abs(share - load.currentLoad) < 25, `${share} % and ${load.currentLoad} %`)
})
