/** The Runtime over containerd's socket: pods by CRI v1, exits and exec by containerd's own services. */
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import type { Runtime } from './runtime.ts'

export interface ContainerdOptions {
  socketPath: string
  clock: Clock
  log: Log
  /** When given, only pods of this cluster are ours: two clusters may share a board. */
  cluster?: string
  /** Where the pipes of exec sessions live; containerd's shims must see the same path. Default `/run/flotilla/exec`. */
  execDirectory?: string
  /** How long one pull may take in all. Default 30 minutes. */
  pullTimeoutMs?: number
}

/** Connects at the first call, and again after containerd was restarted: a call meanwhile rejects with `ServiceUnavailable`. */
export function connectContainerd(options: ContainerdOptions): Runtime {
  throw new Error(`cannot connect to ${options.socketPath}: because this adapter is being written`)
}
