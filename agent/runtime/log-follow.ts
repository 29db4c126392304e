/** Waits until a log file may have changed: by the kernel's word where it comes, by looking again where it does not. */
import { type FSWatcher, watch } from 'node:fs'
import { dirname } from 'node:path'
import { type Clock, sleep } from '../../kit/clock.ts'

/** inotify misses changes on some file systems, and is not to be had before the directory is there. */
const pollMs = 1_000

/** Watches from the moment it is made, so that nothing is missed between a read and the wait after it. */
export class LogWatch {
  #path: string
  #clock: Clock
  #signal: AbortSignal
  #watcher: FSWatcher | undefined
  #wake = new AbortController()

  constructor(path: string, clock: Clock, signal: AbortSignal) {
    this.#path = path
    this.#clock = clock
    this.#signal = signal
    this.#watcher = this.#watchDirectory()
  }

  /** Resolves soon after a change since the last call, and at the latest after a second. */
  async changed(): Promise<void> {
    this.#watcher ??= this.#watchDirectory()
    const either = AbortSignal.any([this.#signal, this.#wake.signal])
    await sleep(this.#clock, pollMs, either).catch(() => undefined) // woken early, which is what we want
    this.#wake = new AbortController()
  }

  close(): void {
    this.#watcher?.close()
  }

  /** The directory, because a rotated file is another file of the same name. */
  #watchDirectory(): FSWatcher | undefined {
    try {
      const watcher = watch(dirname(this.#path), () => this.#wake.abort())
      watcher.on('error', () => {
        watcher.close()
        this.#watcher = undefined
      })
      return watcher
    } catch {
      return undefined // no directory yet, or no more inotify watches: polling serves
    }
  }
}
