/** Writes an image, with patches laid over it, once from its beginning to its end, and its first chunk last. */
import { type Clock, systemClock } from '../../../kit/clock.ts'
import type { ImageSource } from './image-source.ts'
import type { Patch } from './patches.ts'
import type { OnProgress } from './progress.ts'
import type { Target } from './target.ts'

export interface WriteOptions {
  source: ImageSource
  patches: readonly Patch[]
  target: Target
  progress?: OnProgress
  signal?: AbortSignal
  clock?: Clock
}

export interface WrittenImage {
  bytes: number
  /** Of the image with its patches, hexadecimal. */
  sha256: string
  /** CRC-32 of each chunk, to say where a card differs. */
  chunkSums: number[]
}

export async function writeImage({ clock = systemClock, ...options }: WriteOptions): Promise<WrittenImage> {
  throw new Error(`not yet: ${options.target.path} ${clock.now()}`)
}
