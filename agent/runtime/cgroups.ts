/** Removes the cgroup that a pod's containers were in: runc makes a pod's parent cgroup and nobody takes it away. */
import { readdir, readFile, rmdir } from 'node:fs/promises'
import { join, normalize } from 'node:path'
import { type Clock, sleep } from '../../kit/clock.ts'

/** The kernel answers EBUSY until the last process of the group has been reaped. */
const maxTries = 10
const retryMs = 50

export interface CgroupOptions {
  clock: Clock
  /** Where cgroups are mounted: one tree (v2), or a tree per controller (v1). */
  root?: string
}

/** Kills what still runs in it: nobody else knows of it any more. Idempotent. Slices are systemd's, which removes them when they are empty. */
export async function removePodCgroup(
  parent: string,
  { clock, root = '/sys/fs/cgroup' }: CgroupOptions,
): Promise<void> {
  const path = normalize(`/${parent}`)
  if (path === '/' || path.endsWith('.slice')) return
  for (const tree of await hierarchies(root)) await removeTree(join(tree, path), clock)
}

async function hierarchies(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true })
  if (entries.some(entry => entry.name === 'cgroup.controllers')) return [root]
  return entries.filter(entry => entry.isDirectory()).map(entry => join(root, entry.name))
}

async function removeTree(directory: string, clock: Clock): Promise<void> {
  for (const child of await childrenOf(directory)) await removeTree(child, clock)
  for (let tries = 1; ; tries++) {
    try {
      await rmdir(directory)
      return
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return
      if (code !== 'EBUSY' || tries === maxTries) throw error
    }
    await killProcesses(directory)
    await sleep(clock, retryMs)
  }
}

async function killProcesses(directory: string): Promise<void> {
  // Gone with its last process: the next try finds out.
  const processes = await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(() => '')
  for (const pid of processes.split('\n').map(Number)) {
    // 0 is a process outside of our own PID namespace; to kill(2) it would mean ourselves.
    if (pid > 1) kill(pid)
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

async function childrenOf(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    return entries.filter(entry => entry.isDirectory()).map(entry => join(directory, entry.name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
