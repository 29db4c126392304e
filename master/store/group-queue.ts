/** Gathers what is asked for while earlier work is under way, and hands it on as one group: many commits, one fsync. */
import { CodedError } from '../../kit/errors.ts'

export interface GroupQueueOptions<T> {
  /** Works on one group; never called twice at once. Settles each item itself, and must not reject. */
  run: (group: T[]) => Promise<void>
  maxGroup: number
  maxWaiting: number
}

export class GroupQueue<T> {
  #options: GroupQueueOptions<T>
  #waiting: T[] = []
  #running: Promise<void> | undefined

  constructor(options: GroupQueueOptions<T>) {
    this.#options = options
  }

  /** Throws `TooManyRequests` when the line is full. */
  add(item: T): void {
    if (this.#waiting.length >= this.#options.maxWaiting) {
      const why = `${this.#waiting.length} commits are waiting already`
      throw new CodedError('TooManyRequests', `cannot commit: because ${why}`)
    }
    this.#waiting.push(item)
    this.#running ??= this.#drain()
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  async #drain(): Promise<void> {
    // A turn of the microtask queue lets those who commit in the same tick share the first group too.
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#options.run(this.#waiting.splice(0, this.#options.maxGroup))
    this.#running = undefined
  }
}
