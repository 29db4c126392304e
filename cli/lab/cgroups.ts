/** The lab's control groups: what runs on a machine, how much it may use, and the sure way to end all of it. */
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Clock, sleep } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'

export interface Hierarchy {
  mountPoint: string
  version: 1 | 2
  /** Controllers of a version 1 hierarchy, or `name=…`; empty for version 2. */
  controllers: string[]
}

export interface Limits {
  milliCpu?: number
  memoryBytes?: number
}

/** Enough to count and limit what a machine uses. cpuset is left out: version 1 wants it filled in first, and runc does that. */
const joinedControllers = ['cpu', 'cpuacct', 'memory', 'pids', 'freezer']
const cpuPeriodMicroseconds = 100_000

/** From the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export function parseHierarchies(mountinfo: string): Hierarchy[] {
  return mountinfo.split('\n').flatMap((line): Hierarchy[] => {
    const [before = '', after = ''] = line.split(' - ')
    const mountPoint = before.split(' ')[4] ?? ''
    const [type, , superOptions = ''] = after.split(' ')
    if (type === 'cgroup2') return [{ mountPoint, version: 2, controllers: [] }]
    if (type !== 'cgroup') return []
    return [{ mountPoint, version: 1, controllers: superOptions.split(',').filter(option => option !== 'rw') }]
  })
}

export function readHierarchies(): Hierarchy[] {
  return parseHierarchies(readFileSync('/proc/self/mountinfo', 'utf8'))
}

/** The hierarchies whose groups the lab's processes join. */
export function joinedHierarchies(hierarchies: Hierarchy[]): Hierarchy[] {
  const first = hierarchies.filter(({ controllers }) => controllers.some(name => joinedControllers.includes(name)))
  // Beside a full version 1, the version 2 of a hybrid machine has no controllers and is left to systemd.
  return first.length > 0 ? first : hierarchies.filter(({ version }) => version === 2)
}

/** True when containers can have memory limits. */
export async function hasMemoryController(hierarchies: Hierarchy[]): Promise<boolean> {
  if (hierarchies.some(({ controllers }) => controllers.includes('memory'))) return true
  const unified = hierarchies.find(({ version }) => version === 2)
  if (!unified) return false
  // Not /proc/cgroups: newer kernels list memory there also where the command line turned it off.
  return (await readFile(join(unified.mountPoint, 'cgroup.controllers'), 'utf8')).split(/\s/).includes('memory')
}

/** Makes `path` (as in Layout) and, in version 2, passes the controllers down to it. Resolves to the `cgroup.procs` files to write. */
export async function makeCgroup(path: string): Promise<string[]> {
  const joined = joinedHierarchies(readHierarchies())
  for (const hierarchy of joined) {
    await mkdir(join(hierarchy.mountPoint, path), { recursive: true })
    if (hierarchy.version === 2) await delegateControllers(hierarchy.mountPoint, dirname(path))
  }
  return joined.map(({ mountPoint }) => join(mountPoint, path, 'cgroup.procs'))
}

/** Caps everything in and below `path`. */
export async function limitCgroup(path: string, limits: Limits): Promise<void> {
  for (const { mountPoint, ...hierarchy } of joinedHierarchies(readHierarchies()))
    for (const [name, value] of planLimits(hierarchy, limits)) {
      const file = join(mountPoint, path, name)
      // A kernel without swap has no files to limit it.
      if (existsSync(file) || !/swap|memsw/.test(name)) await writeFile(file, value)
    }
}

/** Which file gets which value, in order, in the words of the hierarchy's version. A board's memory does not go to the machine's swap. */
export function planLimits(
  hierarchy: Omit<Hierarchy, 'mountPoint'>,
  limits: Limits,
): Array<[file: string, value: string]> {
  const quota = limits.milliCpu === undefined ? undefined : (limits.milliCpu * cpuPeriodMicroseconds) / 1000
  const memory = limits.memoryBytes === undefined ? undefined : String(limits.memoryBytes)
  const unified = hierarchy.version === 2
  const files: Array<[string, string]> = []
  if (quota !== undefined && (unified || hierarchy.controllers.includes('cpu')))
    files.push(unified ? ['cpu.max', `${quota} ${cpuPeriodMicroseconds}`] : ['cpu.cfs_quota_us', String(quota)])
  if (memory !== undefined && unified) files.push(['memory.max', memory], ['memory.swap.max', '0'])
  if (memory !== undefined && hierarchy.controllers.includes('memory'))
    // Version 1 limits the sum of both, which cannot be less than the first.
    files.push(['memory.limit_in_bytes', memory], ['memory.memsw.limit_in_bytes', memory])
  return files
}

/** All processes in and below `path`, in any hierarchy. */
export function listProcesses(path: string): number[] {
  const found = new Set<number>()
  for (const { mountPoint } of readHierarchies())
    for (const folder of foldersBelow(join(mountPoint, path)))
      for (const line of readLines(join(folder, 'cgroup.procs'))) found.add(Number(line))
  return [...found]
}

/** SIGKILL to all processes in and below `path`, those first that are a machine's init and take the rest with them. */
export async function killCgroup(path: string, clock: Clock): Promise<number> {
  const killed = new Set<number>()
  const deadline = clock.monotonic() + 10_000
  for (;;) {
    const alive = listProcesses(path)
    if (alive.length === 0) return killed.size
    if (clock.monotonic() > deadline)
      throw new CodedError('Timeout', `cannot end what runs in cgroup ${path}: because ${alive.join(', ')} do not die`)
    for (const pid of [...alive.filter(isMachineInit), ...alive]) {
      killed.add(pid)
      killProcess(pid)
    }
    await sleep(clock, 20)
  }
}

/** Removes `path` and all below it from every hierarchy. Resolves to how many were there. */
export async function removeCgroup(path: string, clock: Clock): Promise<number> {
  const folders = readHierarchies().flatMap(({ mountPoint }) => foldersBelow(join(mountPoint, path)))
  // A group is busy for a moment after its last process has died.
  const deadline = clock.monotonic() + 5_000
  for (const folder of folders) {
    while (!removeFolder(folder)) {
      if (clock.monotonic() > deadline)
        throw new CodedError('Timeout', `cannot remove the cgroup ${folder}: because it stays busy`)
      await sleep(clock, 20)
    }
  }
  return folders.length
}

/** The process that is PID 1 of a machine (and not of a container on it): it has exactly two PIDs. */
export function isMachineInit(pid: number): boolean {
  const line = readLines(`/proc/${pid}/status`).find(text => text.startsWith('NSpid:'))
  const pids = line?.split(/\s+/).slice(1) ?? []
  return pids.length === 2 && pids[1] === '1'
}

async function delegateControllers(mountPoint: string, parent: string): Promise<void> {
  const folders = ['', ...parent.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'))]
  for (const folder of folders) {
    const base = join(mountPoint, folder === '.' ? '' : folder)
    const available = (await readFile(join(base, 'cgroup.controllers'), 'utf8')).trim().split(/\s+/).filter(Boolean)
    // A controller that cannot be passed on (say, a root group that must keep it) is missed where a limit needs it.
    for (const name of available)
      await writeFile(join(base, 'cgroup.subtree_control'), `+${name}`).catch(() => undefined)
  }
}

/** `folder` and all below it, deepest first; nothing when it is not there. */
function foldersBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  try {
    const children = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory())
    return [...children.flatMap(child => foldersBelow(join(folder, child.name))), folder]
  } catch {
    // Somebody removed it while we looked: then it holds nothing.
    return []
  }
}

function removeFolder(folder: string): boolean {
  try {
    rmdirSync(folder)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean)
  } catch {
    // The process or the group ended while we looked.
    return []
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Ended by itself, or with the init before it.
  }
}
