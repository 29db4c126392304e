/** `./build.sh test-boot [machine…] [--jobs N] [--every-cut] [--seed N] [--images DIR] [--keep]`: flashes a card for each machine, boots it in QEMU, and puts it through its life. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { renderTable } from '../../cli/table.ts'
import { systemClock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import { type MachineKind, machines } from './machines.ts'
import { Master } from './master.ts'
import { type BootTimes, Rig, type Step } from './rig.ts'
import { lifeOf } from './scenario.ts'

const options = {
  keep: { type: 'boolean' },
  jobs: { type: 'string', default: '2' },
  'every-cut': { type: 'boolean', default: false },
  seed: { type: 'string' },
  images: { type: 'string' },
} as const
const { values, positionals } = parseArgs({ options, allowPositionals: true })
/** One of each kind. CI leaves out the last: its emulated card is slow. */
const usual = ['amd64', 'arm64', 'raspi3b']
const life = { everyCut: values['every-cut'], seed: Number(values.seed ?? systemClock.now() & 0xffff) }
const stopped = new AbortController()

process.exitCode = await main()

interface Result {
  kind: MachineKind
  times: BootTimes[]
  passed: boolean
}

async function main(): Promise<number> {
  const asked = positionals.length > 0 ? positionals : usual
  const unknown = asked.filter(name => !machines.some(machine => machine.name === name))
  if (unknown.length > 0) {
    say(
      `test-boot: there is no machine ${unknown.join(', ')}; there are ${machines.map(({ name }) => name).join(', ')}`,
    )
    return 2
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort())
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-boot-'))
  const line = machines.filter(({ name }) => asked.includes(name))
  const results: Result[] = []
  // Side by side as there are processors: each machine mostly waits for its own.
  const work = async (): Promise<void> => {
    for (let kind = line.shift(); kind; kind = line.shift()) results.push(await live(kind, join(directory, kind.name)))
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, work))
  showTimes(results)
  if (values.keep) say(`\ncards, consoles and logs are in ${directory}`)
  else await rm(directory, { recursive: true, force: true })
  return results.every(({ passed }) => passed) ? 0 : 1
}

async function live(kind: MachineKind, directory: string): Promise<Result> {
  await mkdir(directory, { recursive: true })
  const master = await Master.start(join(directory, 'master'))
  const images = values.images === undefined ? {} : { images: values.images }
  const rig = new Rig({ kind, master, directory, ...images, say: line => say(`    ${kind.name}: ${line}`) })
  // Whoever waits for the machine then learns that it is gone.
  stopped.signal.addEventListener('abort', () => void rig.cut())
  try {
    const passed = await runSteps(rig, lifeOf(kind, life))
    return { kind, times: rig.times, passed }
  } finally {
    await rig.cut()
    await master.stop()
  }
}

/** The first that fails ends it: the next ones stand on it. */
async function runSteps(rig: Rig, steps: Step[]): Promise<boolean> {
  for (const { title, run } of steps) {
    const beganMs = systemClock.monotonic()
    try {
      stopped.signal.throwIfAborted()
      await run(rig)
      say(`  ✔ boot › ${rig.kind.name} › ${title} (${((systemClock.monotonic() - beganMs) / 1000).toFixed(1)}s)`)
    } catch (error) {
      say(`  ✘ [fail]: boot › ${rig.kind.name} › ${title}: ${messageOf(error)}`)
      for (const line of (await rig.describe()).split('\n')) say(`    │ ${line}`)
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
