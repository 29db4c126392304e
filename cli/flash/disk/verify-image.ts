/** Reads back what was written, from the medium, and compares. */
import { type Clock, systemClock } from '../../../kit/clock.ts'
import type { OnProgress } from './progress.ts'
import type { Target } from './target.ts'
import type { WrittenImage } from './write-image.ts'

export interface VerifyOptions {
  target: Target
  written: WrittenImage
  progress?: OnProgress
  signal?: AbortSignal
  clock?: Clock
}

/** Rejects with `Conflict` when the target holds something else, saying from which byte on. */
export async function verifyImage({ clock = systemClock, ...options }: VerifyOptions): Promise<void> {
  throw new Error(`not yet: ${options.target.path} ${clock.now()}`)
}
