/** A Runtime in memory: the true fake that ships with the port and passes the same exam. */
import type { Clock } from '../../kit/clock.ts'
import type { Runtime } from './runtime.ts'

export interface FakeRuntimeOptions {
  clock: Clock
  /** Images already on the board. */
  images?: string[]
  /** Images that a pull finds. */
  registry?: string[]
}

/** A failure to inject: the next call of `method` rejects with `error`. */
export interface FakeFailure {
  method: keyof Runtime
  error: Error
}
