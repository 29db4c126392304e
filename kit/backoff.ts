/** How long to wait before the next try: doubling from a floor to a ceiling, with jitter so that crowds spread. */

export interface BackoffOptions {
  minMs: number
  maxMs: number
  /** Share of the delay that is random, 0 to 1. */
  jitter?: number
  random?: () => number
}

/** `attempt` counts from 0. */
export function backoffMs(attempt: number, options: BackoffOptions): number {
  const { minMs, maxMs, jitter = 0, random = Math.random } = options
  const whole = Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30))
  return whole * (1 - jitter) + whole * jitter * random()
}
