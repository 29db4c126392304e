/** What the board uses just now, from the kernel's own files: under a millisecond and no process, so it can be asked often. */
import { readdir, readFile } from 'node:fs/promises'

export interface SensorPaths {
  proc: string
  thermal: string
}

const systemSensorPaths: SensorPaths = { proc: '/proc', thermal: '/sys/class/thermal' }

export interface Sample {
  /** Thousandths of a core, averaged since the sample before; undefined in the first. */
  cpuMillis: number | undefined
  /** Total less what the kernel could give to a new program (MemAvailable). */
  memoryBytes: number
  memoryTotalBytes: number
  /** The hottest zone of the processor; undefined where the board has no sensor. */
  temperatureCelsius: number | undefined
}

interface CpuTimes {
  /** All in USER_HZ ticks, summed over all cores. */
  busy: number
  total: number
  cores: number
}

export class Sensors {
  #paths: SensorPaths
  #before: CpuTimes | undefined

  constructor(paths: SensorPaths = systemSensorPaths) {
    this.#paths = paths
  }

  async sample(): Promise<Sample> {
    const [stat, meminfo, temperatureCelsius] = await Promise.all([
      readFile(`${this.#paths.proc}/stat`, 'utf8'),
      readFile(`${this.#paths.proc}/meminfo`, 'utf8'),
      this.#temperature(),
    ])
    const now = parseCpuTimes(stat)
    const cpuMillis = this.#before && busyMillis(this.#before, now)
    this.#before = now
    const { totalBytes, availableBytes } = parseMeminfo(meminfo)
    return { cpuMillis, memoryBytes: totalBytes - availableBytes, memoryTotalBytes: totalBytes, temperatureCelsius }
  }

  async #temperature(): Promise<number | undefined> {
    // No such directory: a board, or a virtual machine, without sensors.
    const names = await readdir(this.#paths.thermal).catch(() => [] as string[])
    const zones = names.filter(name => name.startsWith('thermal_zone'))
    const readings = await Promise.all(zones.map(zone => readZone(`${this.#paths.thermal}/${zone}`)))
    return hottest(readings.filter(reading => reading !== undefined))
  }
}

interface Reading {
  type: string
  celsius: number
}

/** Fields of the `cpu` line: user nice system idle iowait irq softirq steal (proc(5)); guest is within user. */
export function parseCpuTimes(stat: string): CpuTimes {
  const lines = stat.split('\n')
  const ticks = (lines[0] ?? '').split(/\s+/).slice(1, 9).map(Number)
  const total = ticks.reduce((sum, value) => sum + value, 0)
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0)
  return { busy: total - idle, total, cores: lines.filter(line => /^cpu\d/.test(line)).length }
}

export function parseMeminfo(meminfo: string): { totalBytes: number; availableBytes: number } {
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) * 1024
  return { totalBytes: field('MemTotal'), availableBytes: field('MemAvailable') }
}

function busyMillis(before: CpuTimes, now: CpuTimes): number {
  const elapsed = now.total - before.total
  return elapsed <= 0 ? 0 : Math.round(((now.busy - before.busy) / elapsed) * now.cores * 1000)
}

/** Zones of batteries, radios and disks say nothing of the processor; where none is named for it, any zone will do. */
function hottest(readings: Reading[]): number | undefined {
  const processor = readings.filter(({ type }) => /cpu|soc|pkg|x86|core|acpitz/i.test(type))
  const chosen = processor.length > 0 ? processor : readings
  return chosen.length === 0 ? undefined : Math.max(...chosen.map(({ celsius }) => celsius))
}

async function readZone(path: string): Promise<Reading | undefined> {
  try {
    const [type, temp] = await Promise.all([readFile(`${path}/type`, 'utf8'), readFile(`${path}/temp`, 'utf8')])
    const celsius = Number(temp) / 1000
    return temp.trim() === '' || !Number.isFinite(celsius) ? undefined : { type: type.trim(), celsius }
  } catch {
    // A zone that is switched off answers EINVAL or EAGAIN: no reading is the right reading.
    return undefined
  }
}
