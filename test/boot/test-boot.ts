/** `./build.sh test-boot [machine…] [--keep]`: flashes a card for each machine, boots it in QEMU, and puts it through its life. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { renderTable } from '../../cli/table.ts'
import { systemClock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import { type MachineKind, machines } from './machines.ts'
import { Master } from './master.ts'
import { type BootTimes, Rig } from './rig.ts'
import { justJoin, type Step, wholeLife } from './scenario.ts'

const { values, positionals } = parseArgs({ options: { keep: { type: 'boolean' } }, allowPositionals: true })

process.exitCode = await main()

async function main(): Promise<number> {
  const asked = positionals.length > 0 ? positionals : ['amd64', 'arm64', 'raspi3b']
  const unknown = asked.filter(name => !machines.some(machine => machine.name === name))
  if (unknown.length > 0) {
    say(
      `test-boot: there is no machine ${unknown.join(', ')}; there are ${machines.map(({ name }) => name).join(', ')}`,
    )
    return 2
  }
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-boot-'))
  const results = await Promise.all(
    machines.filter(({ name }) => asked.includes(name)).map(kind => live(kind, join(directory, kind.name))),
  )
  showTimes(results)
  if (values.keep) say(`\ncards, consoles and logs are in ${directory}`)
  else await rm(directory, { recursive: true, force: true })
  return results.every(({ passed }) => passed) ? 0 : 1
}

interface Result {
  kind: MachineKind
  times: BootTimes[]
  passed: boolean
}

async function live(kind: MachineKind, directory: string): Promise<Result> {
  await mkdir(directory, { recursive: true })
  const master = await Master.start(join(directory, 'master'))
  const rig = new Rig({ kind, master, directory, say: line => say(`    ${kind.name}: ${line}`) })
  try {
    const steps = kind.name === 'raspi3b' ? justJoin : wholeLife
    const passed = await runSteps(rig, steps)
    return { kind, times: rig.times, passed }
  } finally {
    await rig.cut()
    await master.kill()
  }
}

/** The first that fails ends it: the next ones stand on it. */
async function runSteps(rig: Rig, steps: Step[]): Promise<boolean> {
  for (const { title, run } of steps) {
    const beganMs = systemClock.monotonic()
    try {
      await run(rig)
      say(`  ✔ boot › ${rig.kind.name} › ${title} (${((systemClock.monotonic() - beganMs) / 1000).toFixed(1)}s)`)
    } catch (error) {
      say(`  ✘ [fail]: boot › ${rig.kind.name} › ${title}: ${messageOf(error)}\n${rig.describe()}`)
      return false
    }
  }
  return true
}

function showTimes(results: Result[]): void {
  const cell = (seconds: number | undefined): string => (seconds === undefined ? '' : seconds.toFixed(1))
  const rows = results.flatMap(({ kind, times }) =>
    times.map(({ boot, hello, ready, running, answers }) => [
      kind.name,
      boot,
      ...[hello, ready, running, answers].map(cell),
    ]),
  )
  const head = ['MACHINE', 'POWER-ON', 'HELLO', 'READY', 'POD RUNS', 'SERVICE ANSWERS']
  say(`\nSeconds from power-on:\n${renderTable([head, ...rows]).lines.join('\n')}`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
