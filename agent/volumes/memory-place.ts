/** A directory that is in memory and on no disk, for what must be gone when the plug is pulled. */
import { readFile, statfs } from 'node:fs/promises'
import { makeDirectory } from '../../kit/directory.ts'
import { CodedError } from '../../kit/errors.ts'

export type RunCommand = (command: string, args: string[]) => Promise<unknown>

/** statfs(2) */
const memoryFileSystems = [0x0102_1994, 0x8584_58f6]
/** A board has few pods, and their secrets are small. */
const sizeBytes = 64 * 1024 * 1024
const maxFiles = 20_000

/**
 * `/run` is in memory wherever there is systemd; elsewhere a tmpfs is mounted. Rejects with `ServiceUnavailable` when there is
 * none: rather no secret than one on a card.
 */
export async function claimMemory(directory: string, run: RunCommand): Promise<void> {
  await makeDirectory(directory, 0o700)
  if (await isMemory(directory)) return
  const options = `size=${sizeBytes},nr_inodes=${maxFiles},mode=0700,nosuid,nodev,noexec`
  const mount = (more: string): Promise<unknown> =>
    run('mount', ['-t', 'tmpfs', '-o', options + more, 'tmpfs', directory])
  try {
    // noswap: since Linux 6.4.
    await mount(',noswap').catch(() => mount(''))
  } catch (error) {
    throw unusable(directory, 'no tmpfs could be mounted there', error)
  }
  if (!(await isMemory(directory))) throw unusable(directory, 'it is on a disk')
}

/** Where on disks the kernel may put pages of memory, files of a tmpfs included (proc(5), `/proc/swaps`). */
export async function findSwap(path = '/proc/swaps'): Promise<string[]> {
  // A kernel without swap has no such file.
  const text = await readFile(path, 'utf8').catch(() => '')
  const places = text
    .split('\n')
    .slice(1)
    .map(line => line.split(/\s/)[0] ?? '')
  // zram is memory itself.
  return places.filter(place => place !== '' && !place.startsWith('/dev/zram'))
}

async function isMemory(directory: string): Promise<boolean> {
  return memoryFileSystems.includes((await statfs(directory)).type)
}

function unusable(directory: string, reason: string, cause?: unknown): CodedError {
  const way = 'mount a tmpfs there, or on /run, for the agent and containerd alike'
  return new CodedError('ServiceUnavailable', `cannot keep secrets in ${directory}: because ${reason}; ${way}`, {
    cause,
  })
}
