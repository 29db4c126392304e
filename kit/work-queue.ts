/** A keyed work queue: each key is worked on by one worker at a time, and repeats while it waits count once. */
import { type BackoffOptions, backoffMs } from './backoff.ts'
import type { Cancel, Clock } from './clock.ts'

export interface WorkQueueOptions {
  /** Does the work of one key. A rejection puts the key back after a backoff. */
  work: (key: string) => Promise<void>
  clock: Clock
  onError: (key: string, error: unknown, retryMs: number) => void
  concurrency?: number
  backoff?: BackoffOptions
}

export class WorkQueue {
  #options: Required<WorkQueueOptions>
  #ready = new Set<string>()
  #busy = new Set<string>()
  #again = new Set<string>()
  #failures = new Map<string, number>()
  #timers = new Map<string, { cancel: Cancel; dueMs: number }>()
  #stopped = false
  #idleWaiters: Array<() => void> = []

  constructor(options: WorkQueueOptions) {
    this.#options = { concurrency: 1, backoff: { minMs: 10, maxMs: 30_000, jitter: 0.2 }, ...options }
  }

  /** Puts `key` in line; if it is being worked on, it is worked on once more afterwards. */
  add(key: string): void {
    if (this.#stopped) return
    if (this.#busy.has(key)) this.#again.add(key)
    else this.#ready.add(key)
    this.#pump()
  }

  /** Puts `key` in line after `delayMs`. Of several timers of one key the soonest counts: a steady stream starves nobody. */
  addAfter(key: string, delayMs: number): void {
    if (this.#stopped) return
    const dueMs = this.#options.clock.monotonic() + delayMs
    const waiting = this.#timers.get(key)
    if (waiting && waiting.dueMs <= dueMs) return
    waiting?.cancel()
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(key)
      this.add(key)
    })
    this.#timers.set(key, { cancel, dueMs })
  }

  /** Takes no more work; resolves when the work under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const { cancel } of this.#timers.values()) cancel()
    this.#timers.clear()
    this.#ready.clear()
    await this.idle()
  }

  /** Resolves when nothing is in line or under way (timers that have not fired do not count). */
  idle(): Promise<void> {
    if (this.#busy.size === 0 && this.#ready.size === 0) return Promise.resolve()
    return new Promise(resolve => this.#idleWaiters.push(resolve))
  }

  #pump(): void {
    for (const key of this.#ready) {
      if (this.#busy.size >= this.#options.concurrency) return
      this.#ready.delete(key)
      this.#busy.add(key)
      void this.#run(key)
    }
  }

  async #run(key: string): Promise<void> {
    try {
      await this.#options.work(key)
      this.#failures.delete(key)
    } catch (error) {
      this.#retry(key, error)
    }
    this.#busy.delete(key)
    if (this.#again.delete(key) && !this.#stopped) this.#ready.add(key)
    this.#pump()
    if (this.#busy.size === 0 && this.#ready.size === 0) for (const wake of this.#idleWaiters.splice(0)) wake()
  }

  #retry(key: string, error: unknown): void {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    const retryMs = backoffMs(failures, this.#options.backoff)
    this.#options.onError(key, error, retryMs)
    this.addAfter(key, retryMs)
  }
}
