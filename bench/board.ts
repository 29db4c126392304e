/** What a board costs that does nothing: an image of ours, flashed and booted in QEMU, joined, and left alone for ten minutes. */
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { sleep, systemClock } from '../kit/clock.ts'
import { type MachineKind, machines } from '../test/boot/machines.ts'
import { Master } from '../test/boot/master.ts'
import { Rig } from '../test/boot/rig.ts'
import { flash } from '../test/boot/scenario.ts'
import { onBoard } from '../test/boot/shell.ts'
import { readWriteLog } from '../test/boot/write-log.ts'
import { bytesByFile } from '../test/boot/written-files.ts'
import type { BenchRow } from './row.ts'

const measured = ['amd64', 'arm64']
/** What starts late has started, and what was written while starting is on the card. */
const settleMs = 120_000
const idleMs = 600_000
const mebibyte = 2 ** 20
const namedFiles = 8

export async function benchBoard(): Promise<BenchRow[]> {
  const kinds = machines.filter(({ name }) => measured.includes(name))
  return (await Promise.all(kinds.map(measure))).flat()
}

async function measure(kind: MachineKind): Promise<BenchRow[]> {
  const directory = await mkdtemp(join(tmpdir(), `flotilla-bench-${kind.name}-`))
  const say = (line: string): void => void process.stderr.write(`  ${kind.name}: ${line}\n`)
  const master = await Master.start(join(directory, 'master'))
  const rig = new Rig({ kind, master, directory, say })
  try {
    await flash.run(rig)
    const rows = imageRows(kind)
    await rig.powerOn('first start')
    await rig.until('hello', () => rig.saysHello())
    await rig.until('ready', () => rig.isReady())
    await rig.waitFor('a shell', async () => (await onBoard(rig, 'true')) !== undefined)
    await rig.shutDown()
    rows.push({ name: 'first start until Ready', value: rig.times.at(-1)!.ready!, unit: 's' })
    rows.push(...(await measureIdle(rig)))
    return rows.map(row => ({ ...row, name: `board ${kind.name}: ${row.name}` }))
  } catch (error) {
    say(await rig.describe())
    throw error
  } finally {
    await rig.cut()
    await master.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

async function measureIdle(rig: Rig): Promise<BenchRow[]> {
  const writeLog = join(rig.directory, 'writes.log')
  writeFileSync(writeLog, '')
  await rig.powerOn('second start', { writeLog })
  await rig.until('hello', () => rig.saysHello())
  await rig.until('ready', () => rig.isReady())
  await sleep(systemClock, settleMs)
  const before = await rig.machine.qmp.diskCounters()
  await sleep(systemClock, idleMs)
  const after = await rig.machine.qmp.diskCounters()
  const rows = [
    { name: 'start until Ready', value: rig.times.at(-1)!.ready!, unit: 's' },
    {
      name: 'written in 10 minutes',
      value: (after.writtenBytes - before.writtenBytes) / 1024,
      unit: 'KiB',
      note: `${after.writes - before.writes} writes, ${after.flushes - before.flushes} flushes`,
    },
    ...(await memoryRows(rig)),
  ]
  // Asked after the counting: logging in writes as well.
  await rig.machine.quit()
  const [writes, seen] = [readWriteLog(writeLog), { bytes: 0 }]
  const idle = writes.filter(entry => {
    if (entry.type === 'write') seen.bytes += entry.length
    return seen.bytes > before.writtenBytes && seen.bytes <= after.writtenBytes
  })
  for (const { file, bytes, writes: count } of bytesByFile(rig.card, idle).slice(0, namedFiles)) {
    rows.push({ name: `… ${file}`, value: bytes / 1024, unit: 'KiB', note: `${count} blocks` })
  }
  return rows
}

async function memoryRows(rig: Rig): Promise<BenchRow[]> {
  const read = async (script: string): Promise<string> => {
    const text = await onBoard(rig, script)
    if (text === undefined) throw new Error(`cannot measure ${rig.node}: because it lets nobody in`)
    return text
  }
  const agent = await read('cat /proc/$(systemctl show -p MainPID --value flotilla-agent)/smaps_rollup')
  const board = await read('cat /proc/meminfo')
  const kib = (text: string, key: string): number =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN)
  return [
    { name: 'agent: resident memory', value: kib(agent, 'Rss') / 1024, unit: 'MiB' },
    {
      name: 'agent: memory of its own',
      value: kib(agent, 'Private_Dirty') / 1024,
      unit: 'MiB',
      note: 'the rest are pages of its file, which can be read again',
    },
    {
      name: 'board: memory in use',
      value: (kib(board, 'MemTotal') - kib(board, 'MemAvailable')) / 1024,
      unit: 'MiB',
      note: 'MemTotal − MemAvailable',
    },
  ]
}

function imageRows(kind: MachineKind): BenchRow[] {
  const image = resolve(import.meta.dirname, `../dist/os/flotilla-${kind.architecture}.img.zst`)
  return existsSync(image) ? [{ name: 'image, packed', value: statSync(image).size / mebibyte, unit: 'MiB' }] : []
}
