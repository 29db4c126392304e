/** `flotilla agent`: runs this board as the node that it has joined as. */
import { existsSync } from 'node:fs'
import { onBoard } from '../contract/card/card-places.ts'
import type { ResourceList } from '../contract/resources/meta.ts'
import { isQuantity } from '../contract/resources/quantity.ts'
import { type ProfileName, profiles } from '../contract/wire/fleet.ts'
import { systemClock } from '../kit/clock.ts'
import type { Command, Input, Option } from '../kit/command-line.ts'
import { CodedError } from '../kit/errors.ts'
import { createLog, type Level } from '../kit/log.ts'
import { untilSignalled } from '../kit/process.ts'
import { systemRandom } from '../kit/random.ts'
import { type AgentOptions, startAgent } from './agent.ts'
import { createClearCommand } from './clear-command.ts'
import { ensureIdentity } from './ensure-identity.ts'
import { joinOptions } from './join-command.ts'

const containerdOption: Option = {
  flags: '--containerd <socket>',
  summary: "containerd's socket",
  default: '/run/containerd/containerd.sock',
}
const cgroupOption: Option = {
  flags: '--cgroup-parent <path>',
  summary: 'cgroup of all pods: a path, or NAME.slice where systemd owns the cgroups',
  default: '/flotilla',
}

export const agentCommand: Command = {
  name: 'agent',
  summary: 'Run what the cluster wants on this board, once it has joined',
  options: [
    {
      flags: '--join <file>',
      summary: 'if the board has not joined: the file with its join line, deleted once it has',
    },
    { ...joinOptions.name, summary: 'with --join: name of this node (default: the host name)' },
    joinOptions.data,
    containerdOption,
    { flags: '--cni-conf <dir>', summary: 'where containerd looks for CNI configurations', default: '/etc/cni/net.d' },
    cgroupOption,
    { flags: '--profile <name>', summary: 'how much to talk', choices: Object.keys(profiles), default: 'lan' },
    { flags: '--capacity <list>', summary: 'what pods may have of this board, as in cpu=2,memory=1Gi (default: all)' },
    {
      flags: '--log-level <level>',
      summary: 'what to log',
      choices: ['debug', 'info', 'warn', 'error'],
      default: 'info',
    },
  ],
  examples: [
    '$ flotilla join && flotilla agent                      a board joins once',
    '$ flotilla agent --join /boot/firmware/join.txt        as on a card that was just flashed',
    '$ flotilla agent --capacity cpu=2,memory=1Gi           pods may have half of the board',
  ],
  commands: [createClearCommand([containerdOption, cgroupOption])],
  async run(input) {
    const options = readOptions(input)
    const ending = new AbortController()
    const signalled = untilSignalled().then(signal => ending.abort(new Ended(signal)))
    try {
      const identity = await ensureIdentity({ ...options, ...readJoining(input), signal: ending.signal })
      const agent = await startAgent({ ...options, identity })
      await supplyOwnImages(options, ending.signal)
      await signalled
      await agent.stop()
    } catch (error) {
      // Told to end while it was joining.
      if (!ending.signal.aborted) throw error
    }
    return 0
  },
}

class Ended extends Error {}

/** Only where the program brought some along; loaded only there. Returns at once. */
async function supplyOwnImages(
  { containerdSocket: socket, clock, log }: AgentPlace,
  signal: AbortSignal,
): Promise<void> {
  if (!existsSync(onBoard.images)) return
  const { supplyImages } = await import('./supply-images.ts')
  const { systemDisk } = await import('./board/disk.ts')
  const { systemPrograms } = await import('./board/run-program.ts')
  void supplyImages({ disk: systemDisk(), run: systemPrograms(clock), socket, clock, log, signal })
}

type AgentPlace = Pick<AgentOptions, 'containerdSocket' | 'clock' | 'log'>

function readJoining({ options }: Input): { joinFile: string | undefined; name: string | undefined } {
  const [joinFile, name] = [options['join'], options['name']] as Array<string | undefined>
  if (name === undefined || joinFile !== undefined) return { joinFile, name }
  throw new CodedError(
    'BadRequest',
    'cannot start the agent: because --name is for --join: a board that has joined has its name',
  )
}

function readOptions({ options }: Input): Omit<AgentOptions, 'identity'> {
  const text = (name: string): string => String(options[name] ?? '')
  return {
    dataDirectory: text('data'),
    containerdSocket: text('containerd'),
    cniConfDir: text('cniConf'),
    cgroupParent: text('cgroupParent'),
    profile: text('profile') as ProfileName,
    offered: readCapacity(text('capacity')),
    clock: systemClock,
    random: systemRandom,
    log: createLog({ level: text('logLevel') as Level }),
  }
}

function readCapacity(text: string): ResourceList {
  const pairs = text === '' ? [] : text.split(',').map(pair => pair.split('=') as [string, string])
  for (const [resource, quantity] of pairs) {
    if ((resource !== 'cpu' && resource !== 'memory') || !isQuantity(quantity ?? '')) {
      throw new CodedError('Invalid', `cannot read --capacity ${text}: because it must look like cpu=2,memory=1Gi`)
    }
  }
  return Object.fromEntries(pairs)
}
