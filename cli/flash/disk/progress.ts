/** How far a long work on a drive is: measured here, shown by whoever asked for it. */
import type { Clock } from '../../../kit/clock.ts'

export type FlashPhase = 'reading' | 'writing' | 'verifying'

export interface FlashProgress {
  phase: FlashPhase
  /** Bytes. */
  done: number
  /** Bytes; missing when nobody knows. Of an image that does not tell its size, what its partitions take. */
  total?: number
  /** Bytes a second, over the last seconds. */
  rate: number
  secondsLeft?: number
}

export type OnProgress = (progress: FlashProgress) => void

export interface ProgressMeter {
  /** So many bytes more are done. */
  add(bytes: number): void
  /** Says the last word, also when it was said not long ago. */
  finish(): void
}

interface MeterOptions {
  phase: FlashPhase
  total: number | undefined
  clock: Clock
  onProgress: OnProgress | undefined
}

/** People read no faster, and a log of JSON lines stays short. */
const reportEveryMs = 250
/** A card's cache makes its first second fast and the next ones slow: the rate is that of so long a time. */
const rateWindowMs = 5000

/** Says something at once, at most four times a second, and at the end. */
export function createProgressMeter({ phase, total, clock, onProgress }: MeterOptions): ProgressMeter {
  const samples = [{ at: clock.monotonic(), done: 0 }]
  const state = { done: 0, reported: Number.NEGATIVE_INFINITY }
  const report = (): void => {
    const at = clock.monotonic()
    samples.push({ at, done: state.done })
    while (samples.length > 2 && samples[0]!.at < at - rateWindowMs) samples.shift()
    state.reported = at
    onProgress?.(describe({ phase, done: state.done, total }, rateOf(samples)))
  }
  report()
  return {
    add(bytes) {
      state.done += bytes
      if (clock.monotonic() - state.reported >= reportEveryMs) report()
    },
    finish: report,
  }
}

function rateOf(samples: Array<{ at: number; done: number }>): number {
  const first = samples[0]!
  const last = samples.at(-1)!
  return last.at > first.at ? Math.round(((last.done - first.done) * 1000) / (last.at - first.at)) : 0
}

function describe(
  { phase, done, total }: { phase: FlashPhase; done: number; total: number | undefined },
  rate: number,
): FlashProgress {
  // It was less than there is, where an image does not tell its size.
  if (total === undefined || done > total) return { phase, done, rate }
  const secondsLeft = done === total ? 0 : rate > 0 ? Math.ceil((total - done) / rate) : undefined
  return { phase, done, total, rate, ...(secondsLeft === undefined ? {} : { secondsLeft }) }
}
