/** What the doctor looks at: files, programs, sockets and the clock of a board. A port, so that tests show it other boards. */
import { statfs } from 'node:fs/promises'
import { connect } from 'node:net'
import { arch, hostname, networkInterfaces, release, uptime } from 'node:os'
import { type Assets, programAssets } from '../../../kit/assets.ts'
import type { Clock } from '../../../kit/clock.ts'
import { systemDisk } from '../disk.ts'
import { type RunProgram, systemPrograms } from '../run-program.ts'

export interface BoardView {
  /** Undefined when it is not there or cannot be read. */
  read(path: string): Promise<string | undefined>
  /** Names in a directory; none when there is none. */
  list(path: string): Promise<string[]>
  run: RunProgram
  /** Of the file system that holds the path; undefined when there is no such path. */
  space(path: string): Promise<{ freeBytes: number; totalBytes: number } | undefined>
  /** Whether somebody takes a connection to this Unix socket. */
  answers(socketPath: string): Promise<boolean>
  nowMs(): number
  /** Since the kernel started. */
  uptimeSeconds(): number
  hostname: string
  /** Node's name. */
  architecture: string
  kernel: string
  isRoot: boolean
  /** All, also of what pods are behind: mDNS programs name any of them. */
  ownAddresses(): string[]
  assets: Assets
}

const connectMs = 2000

export function systemView(clock: Clock): BoardView {
  const disk = systemDisk()
  return {
    read: path => disk.read(path),
    list: path => disk.list(path),
    run: systemPrograms(clock),
    async space(path) {
      const found = await statfs(path).catch(() => undefined)
      return found && { freeBytes: found.bavail * found.bsize, totalBytes: found.blocks * found.bsize }
    },
    answers: path => answers(path, clock),
    nowMs: () => clock.now(),
    uptimeSeconds: () => uptime(),
    ...{ hostname: hostname(), architecture: arch(), kernel: release(), isRoot: process.geteuid?.() === 0 },
    ownAddresses: () => Object.values(networkInterfaces()).flatMap((infos = []) => infos.map(({ address }) => address)),
    assets: programAssets(),
  }
}

function answers(path: string, clock: Clock): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path)
    const end = (isThere: boolean): void => {
      cancel()
      socket.destroy()
      resolve(isThere)
    }
    const cancel = clock.after(connectMs, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
