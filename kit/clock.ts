/** Time as a port: everything that waits or stamps asks a Clock, so that tests own the time. */

export type Cancel = () => void

export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump: for stamps, never for durations. */
  now(): number
  /** Monotonic milliseconds. For durations, leases and deadlines. */
  monotonic(): number
  /** Calls `run` once after `delayMs`; the returned function prevents it. */
  after(delayMs: number, run: () => void): Cancel
}

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as `signal` aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = (): void => {
      cancel()
      reject(signal?.reason)
    }
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** What setTimeout takes: 31 bits, about 24 days. Beyond it, it would fire at once. */
const maxTimerMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    if (delayMs <= maxTimerMs) {
      const timer = setTimeout(run, delayMs)
      return () => clearTimeout(timer)
    }
    let cancel = this.after(maxTimerMs, () => {
      cancel = this.after(delayMs - maxTimerMs, run)
    })
    return () => cancel()
  },
}

/** RFC 3339 with whole seconds, as Kubernetes writes times. */
export function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}

export function timestamp(clock: Clock): string {
  return rfc3339(clock.now())
}
