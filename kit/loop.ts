/** Runs one job again and again, never two at once; a job that fails is reported and tried at the next turn. */
import type { Cancel, Clock } from './clock.ts'

export interface LoopOptions {
  clock: Clock
  intervalMs: number
  run: () => Promise<void>
  onError: (error: unknown) => void
}

export class Loop {
  #options: LoopOptions
  #cancel: Cancel | undefined
  #running: Promise<void> | undefined
  #wanted = false
  #stopped = true

  constructor(options: LoopOptions) {
    this.#options = options
  }

  start(): void {
    this.#stopped = false
    this.poke()
  }

  /** Runs now, or once more right after the run under way. */
  poke(): void {
    if (this.#stopped) return
    if (this.#running) {
      this.#wanted = true
      return
    }
    this.#cancel?.()
    this.#running = this.#turn()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#running
  }

  async #turn(): Promise<void> {
    try {
      await this.#options.run()
    } catch (error) {
      this.#options.onError(error)
    }
    this.#running = undefined
    if (this.#stopped) return
    if (this.#wanted) {
      this.#wanted = false
      this.poke()
    } else {
      this.#cancel = this.#options.clock.after(this.#options.intervalMs, () => this.poke())
    }
  }
}
