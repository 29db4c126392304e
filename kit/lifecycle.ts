/** Starts named parts in order and stops them in reverse, so that a half-started program still ends clean. */
import { messageOf } from './errors.ts'
import type { Log } from './log.ts'

export interface Part {
  name: string
  start: () => Promise<void> | void
  stop: () => Promise<void> | void
}

export class Lifecycle {
  #log: Log
  #started: Part[] = []

  constructor(log: Log) {
    this.#log = log
  }

  /** Starts each part after the one before it; if one fails, those already started are stopped. */
  async start(parts: Part[]): Promise<void> {
    for (const part of parts) {
      try {
        await part.start()
        this.#started.push(part)
      } catch (error) {
        await this.stop()
        throw new Error(`cannot start ${part.name}: ${messageOf(error)}`, { cause: error })
      }
    }
  }

  /** Stops what was started, in reverse; a part that fails to stop does not keep the others up. */
  async stop(): Promise<void> {
    for (const part of this.#started.splice(0).reverse()) {
      try {
        await part.stop()
      } catch (error) {
        this.#log.warn(`cannot stop ${part.name}`, { error })
      }
    }
  }
}
