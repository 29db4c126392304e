/** Starts nft, one at a time: a transaction in, a fingerprint out. */
import { CodedError } from '../../kit/errors.ts'
import type { RunCommand } from './command.ts'
import { tableName } from './render-rules.ts'

/** More waiting than this means that the kernel does not keep up: refuse rather than grow. */
const maxWaiting = 64

export class Nft {
  #run: RunCommand
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(run: RunCommand) {
    this.#run = run
  }

  /** All or nothing. Rejects with nft's own message. */
  async write(transaction: string): Promise<void> {
    await this.#inTurn('write rules', () => this.#run(['nft', '-f', '-'], { stdin: transaction }))
  }

  /**
   * The chains, rules, maps and sets of our table without their elements, as one text to compare; undefined when there is no
   * such table. Its cost does not grow with the services.
   */
  async fingerprint(): Promise<string | undefined> {
    // nft ends with 1 when the table is missing, and then prints nothing on stdout.
    const argv = ['nft', '-j', '-t', 'list', 'table', 'ip', tableName]
    const json = await this.#inTurn('read rules', () => this.#run(argv, { allowed: [0, 1] }))
    return json.trim() === '' ? undefined : json
  }

  async #inTurn<T>(what: string, run: () => Promise<T>): Promise<T> {
    if (this.#waiting >= maxWaiting) {
      throw new CodedError('TooManyRequests', `cannot ${what}: because ${maxWaiting} others wait for nft already`)
    }
    this.#waiting += 1
    const mine = this.#last.then(run)
    // The next in line goes on whatever became of this one; its own caller hears of the failure.
    this.#last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      this.#waiting -= 1
    }
  }
}
