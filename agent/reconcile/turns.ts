/** Lets so many do a thing at once and the others wait in order: what costs a small board CPU, disk or uplink. */
export class Turns {
  #free: number
  #waiting: Array<() => void> = []

  constructor(limit: number) {
    this.#free = limit
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      // The turn is handed over, not given back: nobody who comes later can slip in between.
      if (next) next()
      else this.#free++
    }
  }
}
