/** Progress in words, for bars and lines. Pure. */
import { formatSize } from './format-size.ts'
import type { FlashPhase, FlashProgress } from './progress.ts'

export const phaseWords: Record<FlashPhase, string> = {
  reading: 'Reading',
  writing: 'Writing',
  verifying: 'Verifying',
}

/** `42 %  1.2 GB of 2.9 GB  31.0 MB/s  56 s left`; without a total, what is known. */
export function describeProgress({ done, total, rate, secondsLeft }: FlashProgress): string {
  const amount =
    total === undefined
      ? formatSize(done)
      : `${String(percentOf(done, total)).padStart(3)} %  ${formatSize(done)} of ${formatSize(total)}`
  const left = secondsLeft === undefined || done === total ? [] : [`${formatSeconds(secondsLeft)} left`]
  return [amount, ...(rate > 0 ? [`${formatSize(rate)}/s`] : []), ...left].join('  ')
}

/** 100 only when all is done. */
export function percentOf(done: number, total: number): number {
  return total === 0 ? 100 : Math.floor((done / total) * 100)
}

function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60
    ? `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`
    : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}
