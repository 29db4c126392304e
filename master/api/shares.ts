/** How much of what all users share one of them has taken: nobody can take the last of it from the others. */
import { CodedError } from '../../kit/errors.ts'

export interface SharesOptions {
  /** In the plural, for the refusal: `watches`. */
  of: string
  /** For all together, and for each. */
  most: number
  mostEach: number
}

export class Shares {
  #options: SharesOptions
  #taken = 0
  #byUser = new Map<string, number>()

  constructor(options: SharesOptions) {
    this.#options = options
  }

  /** Returns what gives it back, once however often it is called. Throws `TooManyRequests`. */
  take(username: string): () => void {
    const { of, most, mostEach } = this.#options
    const own = this.#byUser.get(username) ?? 0
    if (this.#taken >= most) throw new CodedError('TooManyRequests', `cannot go on: because ${most} ${of} are open`)
    if (own >= mostEach)
      throw new CodedError('TooManyRequests', `cannot go on: because ${mostEach} ${of} of ${username} are open`)
    this.#taken++
    this.#byUser.set(username, own + 1)
    const state = { given: false }
    return () => {
      if (!state.given) this.#giveBack(username)
      state.given = true
    }
  }

  #giveBack(username: string): void {
    const left = (this.#byUser.get(username) ?? 1) - 1
    this.#taken--
    if (left === 0) this.#byUser.delete(username)
    else this.#byUser.set(username, left)
  }
}
