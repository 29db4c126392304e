/** `flotilla lab`: a fleet of boards on one Linux machine, to try things before flashing anything. */
import { systemClock } from '../../kit/clock.ts'
import type { Command, Input, Option } from '../../kit/command-line.ts'
import { CodedError } from '../../kit/errors.ts'
import { bringDown } from './down.ts'
import { requireRoot } from './facts.ts'
import { inLan, inMachine } from './inside.ts'
import { defaultLabDir, findBoard, findMachine } from './layout.ts'
import { loadImage } from './load.ts'
import { setLink } from './network.ts'
import { powerOff, powerOn, writeTemperature } from './power.ts'
import { findProgram } from './program.ts'
import { parseEndpoint, startRelay } from './relay.ts'
import { runAttached } from './run.ts'
import { openLab } from './state.ts'
import { readStatus, renderStatus } from './status.ts'
import { bringUp } from './up.ts'

const dirOption: Option = { flags: '--dir <dir>', summary: `the lab's folder (default: ${defaultLabDir})` }

const up: Command = {
  name: 'up',
  summary: 'Start a lab, or what is down of one, and wait until all nodes are Ready',
  options: [
    { flags: '--boards <count>', summary: 'how many boards (default: 3)' },
    { flags: '--mirror <url>', summary: 'registry mirror for all registries, on localhost or in the LAN' },
    { flags: '--broker <name>', summary: 'what carries the traffic', choices: ['embedded', 'mosquitto'] },
    { flags: '--cpu <quantity>', summary: "each board's CPU, such as 2 or 500m (default: this machine's)" },
    { flags: '--memory <quantity>', summary: "each board's memory, such as 512Mi (default: this machine's)" },
  ],
  examples: [
    '$ flotilla lab up                             three boards and a master',
    '$ export $(flotilla lab up --boards 5)        and point the CLI at them',
    '$ flotilla lab up --cpu 1 --memory 512Mi      boards as small as a Zero',
    '$ flotilla lab up --broker mosquitto          a Mosquitto with the rules that we render',
  ],
  run: async input => {
    const { boards, mirror, broker, cpu, memory } = input.options
    const config = await bringUp({
      dir: dirOf(input),
      program: findProgram(),
      clock: systemClock,
      say,
      ...(boards !== undefined && { boards: Number(boards) }),
      ...(mirror !== undefined && { mirror: String(mirror) }),
      ...(broker !== undefined && { broker: broker === 'mosquitto' ? broker : 'embedded' }),
      ...(cpu !== undefined && { cpu: String(cpu) }),
      ...(memory !== undefined && { memory: String(memory) }),
    })
    process.stdout.write(`FLOTILLA_CONFIG=${config}\n`)
    return 0
  },
}

const exec: Command = {
  name: 'exec',
  arguments: '<machine>',
  summary: 'Run a command on a board, on the master or in the LAN; without a command, a shell',
  examples: [
    '$ flotilla lab exec board-1 -- nft list ruleset',
    '$ flotilla lab exec lan -- ping -c 1 10.77.0.11   from the side of the network',
  ],
  run: async input => {
    const { layout, state } = await openLab(dirOf(input))
    const name = input.arguments[0]!
    // Without job control: the terminal's process group is of another PID namespace, and cannot be given back in this one.
    const command = input.rest?.length ? input.rest : ['sh', '+m']
    if (name === 'lan') return runAttached(await inLan(layout, command))
    return runAttached(await inMachine(findMachine(layout, state.boards, name), command))
  },
}

const load: Command = {
  name: 'load',
  arguments: '<archive> [boards...]',
  summary: 'Import an OCI archive into containerd, on all boards or on those named',
  examples: ['$ flotilla lab load web.tar', '$ flotilla lab load web.tar board-1 board-2'],
  run: async input => {
    const [archive = '', ...boards] = input.arguments
    const loaded = await loadImage(dirOf(input), archive, boards)
    say(`loaded ${archive} on ${loaded.join(', ') || 'no board: none is on'}`)
    return loaded.length > 0 ? 0 : 1
  },
}

const cut = linkCommand('cut', 'Pull the network cable of a machine', 'down')
const mend = linkCommand('mend', 'Plug it in again', 'up')

const kill = powerCommand({
  name: 'kill',
  summary: 'Cut the power of a board or of the master: all on it dies at once, its disk stays',
  turn: powerOff,
  state: 'off',
})
const start = powerCommand({
  name: 'start',
  summary: 'Turn a board or the master on again',
  turn: powerOn,
  state: 'on',
})

const heat: Command = {
  name: 'heat',
  arguments: '<board> <celsius>',
  summary: "Set the temperature that a board's sensor shows",
  examples: ['$ flotilla lab heat board-2 82   hot enough for a Pi to throttle'],
  run: async input => {
    const { layout, state } = await openLab(dirOf(input))
    const [name = '', text = ''] = input.arguments
    const celsius = Number(text)
    if (text.trim() === '' || !(celsius >= -55 && celsius <= 150))
      throw new CodedError(
        'BadRequest',
        `cannot heat ${name} to "${text}": because that is not a number from -55 to 150`,
      )
    await writeTemperature(findBoard(layout, state.boards, name), celsius)
    return 0
  },
}

const status: Command = {
  name: 'status',
  summary: 'Show the machines of the lab',
  options: [{ flags: '-o, --output <format>', summary: 'how to show them', choices: ['table', 'json'] }],
  run: async input => {
    const found = await readStatus(dirOf(input))
    const isJson = input.options['output'] === 'json'
    process.stdout.write(isJson ? `${JSON.stringify(found, null, 2)}\n` : renderStatus(found))
    return 0
  },
}

const down: Command = {
  name: 'down',
  summary: 'End the lab and remove every trace of it',
  run: async input => {
    const dir = dirOf(input)
    const removed = await bringDown(dir, systemClock)
    const counted = Object.entries(removed ?? {}).map(([what, count]) => `${count} ${what}`)
    say(removed ? `removed ${counted.join(', ')}; nothing is left` : `no lab in ${dir}`)
    return 0
  },
}

/** For `up --mirror`, which starts it on both sides of the LAN's namespace. */
const relay: Command = {
  name: 'relay',
  hidden: true,
  arguments: '<listen> <connect>',
  summary: 'Carry connections from one address to another',
  run: async input => {
    const [listen = '', connect = ''] = input.arguments
    const server = await startRelay(parseEndpoint(listen), parseEndpoint(connect))
    await new Promise(resolve => server.once('close', resolve))
    return 0
  },
}

export const labCommand: Command = {
  name: 'lab',
  summary: 'Boards on this machine: a fleet to try things on',
  options: [dirOption],
  commands: [up, status, exec, load, cut, mend, kill, start, heat, down, relay].map(asRoot),
}

function linkCommand(name: string, summary: string, to: 'up' | 'down'): Command {
  return {
    name,
    arguments: '<machine>',
    summary,
    run: async input => {
      const { layout, state } = await openLab(dirOf(input))
      await setLink(layout, findMachine(layout, state.boards, input.arguments[0]!), to)
      return 0
    },
  }
}

interface PowerCommand {
  name: string
  summary: string
  /** Resolves to false when there was nothing to do. */
  turn: typeof powerOn
  state: 'on' | 'off'
}

function powerCommand({ name, summary, turn, state: wanted }: PowerCommand): Command {
  return {
    name,
    arguments: '<machine>',
    summary,
    run: async input => {
      const { layout, state } = await openLab(dirOf(input))
      const machine = findMachine(layout, state.boards, input.arguments[0]!)
      const turned = await turn({ layout, state }, machine, systemClock)
      say(`${machine.name} ${turned ? 'is' : 'was'} ${wanted}${turned ? '' : ' already'}`)
      return 0
    },
  }
}

/** Every part of the lab needs root, and takes `--dir` also at its end. */
function asRoot(command: Command): Command {
  const { run } = command
  if (!run) return command
  const runAsRoot = (input: Input): ReturnType<typeof run> => {
    requireRoot()
    return run(input)
  }
  return { ...command, options: [...(command.options ?? []), dirOption], run: runAsRoot }
}

function dirOf(input: Input): string {
  return typeof input.options['dir'] === 'string' ? input.options['dir'] : defaultLabDir
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
