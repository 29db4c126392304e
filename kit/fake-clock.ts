/** A Clock that moves only when told to: the fake that ships with the port. */
import type { Cancel, Clock } from './clock.ts'

interface Timer {
  at: number
  order: number
  run: () => void
}

export class FakeClock implements Clock {
  #elapsedMs = 0
  #order = 0
  #startMs: number
  #timers = new Set<Timer>()

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs
  }

  now(): number {
    return this.#startMs + this.#elapsedMs
  }

  monotonic(): number {
    return this.#elapsedMs
  }

  after(delayMs: number, run: () => void): Cancel {
    const timer = { at: this.#elapsedMs + Math.max(0, delayMs), order: this.#order++, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Moves time on, running due timers in order; promises settle before the first and after each. */
  async advance(byMs: number): Promise<void> {
    await settleMicrotasks()
    const until = this.#elapsedMs + byMs
    for (let timer = this.#nextDue(until); timer; timer = this.#nextDue(until)) {
      this.#timers.delete(timer)
      this.#elapsedMs = timer.at
      timer.run()
      await settleMicrotasks()
    }
    this.#elapsedMs = until
    await settleMicrotasks()
  }

  #nextDue(until: number): Timer | undefined {
    const due = [...this.#timers].filter(timer => timer.at <= until)
    return due.sort((a, b) => a.at - b.at || a.order - b.order)[0]
  }
}

/** One turn of the event loop: every promise that is ready has run its reactions. */
function settleMicrotasks(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
