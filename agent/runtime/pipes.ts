/** Named pipes between us and a process in a container: containerd's shim opens the other ends. */
import { execFile } from 'node:child_process'
import { constants, open } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { ProcessPipes } from './tasks.ts'

const run = promisify(execFile)
const openFd = promisify(open)
const makeTimeoutMs = 5_000

export interface PipeEnds {
  paths: ProcessPipes
  stdin: Socket | undefined
  stdout: Socket
  stderr: Socket | undefined
}

/** Makes the pipes in `directory`, which must not be there yet, and opens our ends. */
export async function makePipes(directory: string, wanted: { stdin: boolean; stderr: boolean }): Promise<PipeEnds> {
  const pathOf = (name: string, wants: boolean): string => (wants ? join(directory, name) : '')
  const paths = {
    stdin: pathOf('stdin', wanted.stdin),
    stdout: pathOf('stdout', true),
    stderr: pathOf('stderr', wanted.stderr),
  }
  await mkdir(dirname(directory), { recursive: true, mode: 0o700 })
  await mkdir(directory, { mode: 0o700 })
  await run('mkfifo', ['-m', '600', ...Object.values(paths).filter(path => path !== '')], { timeout: makeTimeoutMs })
  return {
    paths,
    stdin: wanted.stdin ? await openWriter(paths.stdin) : undefined,
    stdout: await openReader(paths.stdout),
    stderr: wanted.stderr ? await openReader(paths.stderr) : undefined,
  }
}

export function closePipes({ stdin, stdout, stderr }: PipeEnds): void {
  for (const end of [stdin, stdout, stderr]) end?.destroy()
}

export async function removePipes(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
}

async function openReader(path: string): Promise<Socket> {
  const fd = await openFd(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return new Socket({ fd, readable: true, writable: false })
}

/** O_RDWR, because write-only fails until the other end is open (fifo(7)); we never read from it. */
async function openWriter(path: string): Promise<Socket> {
  const fd = await openFd(path, constants.O_RDWR | constants.O_NONBLOCK)
  return new Socket({ fd, readable: false, writable: true })
}
