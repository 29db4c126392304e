/** What every command of the fleet is given. */
import type { Input } from '../kit/command-line.ts'
import type { OpenBus } from './open-bus.ts'
import type { Terminal } from './terminal.ts'

export interface Fleet {
  terminal: Terminal
  /** Only tests bring their own. */
  openBus?: OpenBus
}

/** Resolves to the exit status. */
export type RunCommand = (input: Input, fleet: Fleet) => Promise<number>
