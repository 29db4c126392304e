/** Compares an image with the checksum that its maker has put beside it: `NAME.sha256`, `SHA256SUMS`. */
import { type Clock, systemClock } from '../../../kit/clock.ts'
import type { OnProgress } from './progress.ts'

export interface ChecksumOptions {
  progress?: OnProgress
  signal?: AbortSignal
  clock?: Clock
}

/** Resolves to the name of the file that confirms the image, or undefined when there is none. Rejects with `Conflict` when they differ. */
export async function checkImageSum(
  path: string,
  { clock = systemClock }: ChecksumOptions = {},
): Promise<string | undefined> {
  throw new Error(`not yet: ${path} ${clock.now()}`)
}
