/** A token bucket for each of many keys: so many at once, then one in each interval. */
import type { Clock } from '../../kit/clock.ts'

export interface RateLimitOptions {
  clock: Clock
  burst: number
  /** After this long there is one more, ms. */
  refillMs: number
  /** Keys remembered; the one unused for longest is forgotten, which fills its bucket. */
  maxKeys: number
}

export class RateLimit {
  #options: RateLimitOptions
  #buckets = new Map<string, { tokens: number; atMs: number }>()

  constructor(options: RateLimitOptions) {
    this.#options = options
  }

  /** False when `key` has used up what it may. */
  take(key: string): boolean {
    const { clock, burst, refillMs, maxKeys } = this.#options
    const nowMs = clock.monotonic()
    const bucket = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs }
    const filled = Math.min(burst, bucket.tokens + (nowMs - bucket.atMs) / refillMs)
    const granted = filled >= 1
    this.#buckets.delete(key)
    this.#buckets.set(key, { tokens: granted ? filled - 1 : filled, atMs: nowMs })
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size > maxKeys && oldest !== undefined) this.#buckets.delete(oldest)
    return granted
  }
}
