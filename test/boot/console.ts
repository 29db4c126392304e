/** What a machine says on its serial line, read from the file that QEMU writes: waited for while it grows, and shown when all goes wrong. */
import { existsSync, readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { sleep, systemClock } from '../../kit/clock.ts'

const pollMs = 100
/** As much as a person reads to find out why. */
const shownLines = 60

export class Console {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  text(): string {
    if (!existsSync(this.path)) return ''
    return stripVTControlCharacters(readFileSync(this.path, 'utf8')).replaceAll('\r', '')
  }

  /** Resolves with the line; rejects after the deadline, or when `signal` says that the machine has ended. */
  async waitFor(
    pattern: RegExp,
    { deadlineMs, signal }: { deadlineMs: number; signal?: AbortSignal },
  ): Promise<string> {
    const deadline = systemClock.monotonic() + deadlineMs
    for (;;) {
      const line = this.text()
        .split('\n')
        .find(text => pattern.test(text))
      if (line !== undefined) return line
      if (systemClock.monotonic() > deadline)
        throw new Error(`the console did not say ${pattern} in ${deadlineMs / 1000} s`)
      await sleep(systemClock, pollMs, signal)
    }
  }

  tail(lines = shownLines): string {
    return this.text()
      .split('\n')
      .filter(line => line.trim() !== '')
      .slice(-lines)
      .join('\n')
  }
}
