/** Runs jobs one after the other, in the order in which they were asked for, and refuses to let too many wait. */
import { CodedError } from '../../kit/errors.ts'

/** More than this means that the kernel does not keep up with its callers. */
const maxWaiting = 64

export class Turns {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** Settles as `job` does; rejects with `TooManyRequests` when too many are before it. */
  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#waiting >= maxWaiting) {
      throw new CodedError('TooManyRequests', `cannot change the network: because ${maxWaiting} changes wait already`)
    }
    this.#waiting += 1
    const mine = this.#last.then(job)
    // Its own caller hears of a failure; the next in line goes on.
    this.#last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      this.#waiting -= 1
    }
  }
}
