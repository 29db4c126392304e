/** `./build.sh demo`: the main job, shown and checked step by step on this machine. Exit status 0 only if every step held. */
import { sleep, systemClock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import { Fleet } from '../support/fleet.ts'
import { type Demo, steps } from './steps.ts'

const keep = process.argv.includes('--keep')
const startedMs = systemClock.monotonic()
const demo: Demo = { fleet: new Fleet(), boards: ['board-1', 'board-2', 'board-3'], say: line => say(`    ${line}`) }

process.exitCode = await main()

async function main(): Promise<number> {
  const stop = async (): Promise<void> => {
    await takeDown()
    process.exit(130)
  }
  process.once('SIGINT', () => void stop())
  process.once('SIGTERM', () => void stop())
  try {
    const shown = keep ? steps.filter(({ name }) => name !== 'delete') : steps
    for (const step of shown) await show(step)
    if (!keep) await takeDown()
    say(`\nAll ${shown.length} steps held, in ${seconds(startedMs)} s.`)
    if (keep) invite()
    return 0
  } catch (error) {
    say(`  ✗ ${messageOf(error)}`)
    await sleep(systemClock, 0)
    await takeDown()
    return 1
  }
}

async function show({ title, run }: (typeof steps)[number]): Promise<void> {
  say(`\n▸ ${title}`)
  const beganMs = systemClock.monotonic()
  await run(demo)
  say(`  ✓ ${seconds(beganMs)} s`)
}

async function takeDown(): Promise<void> {
  say('\n▸ Everything is taken down')
  await demo.fleet.down()
  const left = demo.fleet.lab.traces()
  if (left.length > 0) throw new Error(`this stayed on the machine: ${left.join(', ')}`)
  say('  ✓ nothing is left on this machine')
}

function invite(): void {
  const { dir } = demo.fleet.lab
  say(`
The lab stays up. Try:
  export FLOTILLA_CONFIG=${dir}/config.yaml
  dist/flotilla get all -o wide
  dist/flotilla events -w
  dist/flotilla exec -it deployment/hello -- sh
  dist/flotilla lab --dir ${dir} heat board-1 85     then apply something, and see where it goes
  dist/flotilla lab --dir ${dir} cut board-3         and mend it again
  dist/flotilla lab --dir ${dir} down                when you are done`)
}

function seconds(sinceMs: number): string {
  return ((systemClock.monotonic() - sinceMs) / 1000).toFixed(1)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
