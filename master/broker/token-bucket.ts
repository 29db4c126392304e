/** A rate with a burst: what a connection or an address may use up. */
import type { Clock } from '../../kit/clock.ts'
import type { Rate } from './limits.ts'

export class TokenBucket {
  #rate: Rate
  #clock: Clock
  #tokens: number
  #at: number

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate
    this.#clock = clock
    this.#tokens = rate.burst
    this.#at = clock.monotonic()
  }

  /** Takes `amount` if it is there. */
  tryTake(amount: number): boolean {
    this.#refill()
    if (this.#tokens < amount) return false
    this.#tokens -= amount
    return true
  }

  /** Takes it in any case: what was read was read. Returns how long to wait until the debt is paid; 0 when there is none. */
  take(amount: number): number {
    this.#refill()
    this.#tokens -= amount
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#rate.perSecond) * 1000
  }

  get full(): boolean {
    this.#refill()
    return this.#tokens >= this.#rate.burst
  }

  #refill(): void {
    const now = this.#clock.monotonic()
    const { perSecond, burst } = this.#rate
    // Infinity times nothing would be no number.
    if (now > this.#at) this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1000) * perSecond)
    this.#at = now
  }
}
