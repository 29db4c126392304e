/** What every command of the fleet is given. */
import type { Command, Input } from '../kit/command-line.ts'
import type { OpenBus } from './open-bus.ts'
import type { Terminal } from './terminal.ts'

export interface Fleet {
  terminal: Terminal
  /** Only tests bring their own. */
  openBus?: OpenBus
}

/** Resolves to the exit status. */
export type RunCommand = (input: Input, fleet: Fleet) => Promise<number>

/** A command's code is loaded when it is called. */
export type Load = () => Promise<RunCommand>

/** Gives a command its work. */
export type Attach = (load: Load) => Pick<Command, 'run'>
