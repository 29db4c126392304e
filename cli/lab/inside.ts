/** How to run something in the LAN or on a machine of the lab: the words that go before its own. */
import { CodedError } from '../../kit/errors.ts'
import { isMachineInit, listProcesses, makeCgroup } from './cgroups.ts'
import type { Layout, Machine } from './layout.ts'

/** The process that holds a machine's namespaces; undefined when the machine is off. */
export function findInit(machine: Machine): number | undefined {
  return listProcesses(machine.systemCgroup).find(isMachineInit)
}

function requireInit(machine: Machine): number {
  const init = findInit(machine)
  if (init !== undefined) return init
  const why = `it is off; 'flotilla lab start ${machine.name}' turns it on`
  throw new CodedError('ServiceUnavailable', `cannot reach ${machine.name}: because ${why}`)
}

/** In all namespaces of the machine, among its processes, in our working directory where it has one like it. */
export async function inMachine(machine: Machine, command: string[]): Promise<string[]> {
  const enter = ['nsenter', `--target=${requireInit(machine)}`, '--mount', '--uts', '--net', '--pid', '--']
  const inside = ['sh', '-c', born, 'sh', process.cwd(), ...command]
  return inCgroup(machine.systemCgroup, ['sh', '-c', deaf, 'sh', ...tied, ...enter, ...inside])
}

/** Whoever runs it may be killed; it must not stay behind. */
const tied = ['setpriv', '--pdeathsig', 'TERM', '--']
/** nsenter waits outside for what it runs inside: Ctrl-C is for that alone. */
const deaf = 'trap "" INT QUIT; exec "$@"'
const born = `cd -- "$1" 2>/dev/null || cd /; shift; exec env --default-signal=INT,QUIT ${tied.join(' ')} "$@"`

/** In the LAN's network namespace; everything else is this machine's. */
export async function inLan(layout: Layout, command: string[]): Promise<string[]> {
  return inCgroup(layout.lan.cgroup, [...tied, ...inNetns(layout.lan.netns, command)])
}

export function inNetns(netns: string, command: string[]): string[] {
  // Not `ip netns exec`: it mounts a new /sys, which leaves /sys/fs/cgroup empty.
  return ['nsenter', `--net=${netns}`, '--', ...command]
}

/** Joins the group first, so that all that comes of it ends with the group. */
export async function inCgroup(path: string, command: string[]): Promise<string[]> {
  const files = await makeCgroup(path)
  return ['sh', '-c', `for group in ${files.join(' ')}; do echo $$ > $group; done; exec "$@"`, 'sh', ...command]
}
