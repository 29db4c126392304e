/** Where everything of a lab is: files, namespaces, cgroups and addresses, all derived from its folder. */
import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { CodedError } from '../../kit/errors.ts'

export const defaultLabDir = '/var/lib/flotilla-lab'
/** The LAN is a /24: its hosts from 11 up to 254 are boards. */
export const maxBoards = 244
export const lanAddress = '10.77.0.1'
export const masterAddress = '10.77.0.2'
export const lanPrefixLength = 24
export const mqttPort = 8883
export const bridgeName = 'br0'
/** All labs' run folders; on a tmpfs, and short because a unix socket's path ends at 107 bytes (unix(7)). */
export const runRoot = '/run/flotilla-lab'

export interface Layout {
  /** Absolute, without symbolic links. What is here outlives a reboot. */
  dir: string
  /** Eight hex digits that tell labs on one machine apart. */
  hash: string
  stateFile: string
  configFile: string
  /** Sockets and network namespaces: gone after a reboot. */
  runDir: string
  /** In a folder of the master's own: it has no rights elsewhere. */
  masterSocket: string
  mirrorSocket: string
  /** Below each hierarchy's root, without a leading slash. */
  cgroup: string
  lan: { netns: string; cgroup: string }
}

/** A computer of the lab: the master or a board. */
export interface Machine {
  name: string
  role: 'master' | 'board'
  address: string
  /** Kept over a power cut, as a real network card keeps it: neighbours hold it in their caches. */
  mac: string
  /** Its end of the cable on the LAN's side has the machine's name. */
  link: string
  /** The disk. */
  dir: string
  netns: string
  cgroup: string
  /** What supervises and is supervised; pods get a sibling (cgroup v2 allows processes only in leaves). */
  systemCgroup: string
  podsCgroup: string
  /** Exists while the cable is pulled. */
  cutFile: string
  temperatureFile: string
}

export function labLayout(dir: string): Layout {
  const real = realPath(resolve(dir))
  const hash = createHash('sha256').update(real).digest('hex').slice(0, 8)
  const runDir = join(runRoot, hash)
  const cgroup = `flotilla-lab-${hash}`
  return {
    dir: real,
    hash,
    stateFile: join(real, 'state.json'),
    configFile: join(real, 'config.yaml'),
    runDir,
    masterSocket: join(runDir, 'master', 'master.sock'),
    mirrorSocket: join(runDir, 'mirror.sock'),
    cgroup,
    lan: { netns: join(runDir, 'netns', 'lan'), cgroup: `${cgroup}/lan` },
  }
}

export function masterOf(layout: Layout): Machine {
  return machineAt(layout, 'master', 2)
}

/** Boards count from 1. */
export function boardOf(layout: Layout, number: number): Machine {
  return machineAt(layout, `board-${number}`, 10 + number)
}

export function boardsOf(layout: Layout, count: number): Machine[] {
  return Array.from({ length: count }, (_, index) => boardOf(layout, index + 1))
}

/** The machine called `name` in a lab of `boards` boards; the error lists what there is. */
export function findMachine(layout: Layout, boards: number, name: string): Machine {
  const machines = [masterOf(layout), ...boardsOf(layout, boards)]
  const found = machines.find(machine => machine.name === name)
  if (found) return found
  const names = machines.map(machine => machine.name).join(', ')
  throw new CodedError('NotFound', `cannot find "${name}": because this lab has ${names}`)
}

export function findBoard(layout: Layout, boards: number, name: string): Machine {
  const machine = findMachine(layout, boards, name)
  if (machine.role === 'board') return machine
  throw new CodedError('BadRequest', `cannot do this to ${name}: because it is not a board`)
}

function machineAt(layout: Layout, name: string, host: number): Machine {
  const dir = join(layout.dir, name)
  const cgroup = `${layout.cgroup}/${name}`
  return {
    name,
    role: name === 'master' ? 'master' : 'board',
    address: `10.77.0.${host}`,
    mac: `02:00:0a:4d:00:${host.toString(16).padStart(2, '0')}`,
    link: name,
    dir,
    netns: join(layout.runDir, 'netns', name),
    cgroup,
    systemCgroup: `${cgroup}/system`,
    podsCgroup: `${cgroup}/pods`,
    cutFile: join(dir, 'cut'),
    temperatureFile: join(dir, 'thermal', 'thermal_zone0', 'temp'),
  }
}

/** Also for a folder that is not there (yet, or any more): its hash must not depend on that. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // Only the last part is missing, or the parent too: either way its parent decides.
    return path === '/' ? path : join(realPath(dirname(path)), basename(path))
  }
}
