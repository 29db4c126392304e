/** Finds drives that claim to be larger than they are, before a long write ends in nothing. */
import { randomFillSync } from 'node:crypto'
import { CodedError } from '../../../kit/errors.ts'
import { alignedBuffers } from './aligned-buffers.ts'
import { formatSize } from './format-size.ts'
import type { Target } from './target.ts'

/** The largest block size that drives have is 4 KiB. */
const sampleBytes = 64 * 1024
const smallestBytes = 256 * 1024 * 1024

/**
 * Writes a mark at the end, and at the end of each smaller size that the drive could really have (they are powers of two),
 * then reads all of them back and puts back what was there. Beyond their real size counterfeits keep nothing, or what they
 * keep lies over their beginning. Rejects with `Conflict`.
 */
export async function probeCapacity(target: Target): Promise<void> {
  const { capacity } = target
  if (target.kind !== 'drive' || capacity === undefined || capacity < 2 * sampleBytes) return
  const places = placesOf(capacity)
  const [buffer, ...saved] = alignedBuffers(1 + places.length, sampleBytes)
  const marks = places.map(() => randomFillSync(Buffer.alloc(sampleBytes)))
  for (const [at, place] of places.entries()) await target.read(saved[at]!, place)
  try {
    for (const [at, place] of places.entries()) {
      buffer!.set(marks[at]!)
      await target.write(buffer!, place)
    }
    await target.sync()
    await target.dropCaches()
    for (const [at, place] of places.entries()) {
      await target.read(buffer!, place)
      if (!buffer!.equals(marks[at]!)) throw counterfeit(target, capacity)
    }
  } finally {
    // The last one first: where two lie over each other, the first one saved what really was there.
    for (const at of places.keys().toArray().reverse()) await target.write(saved[at]!, places[at]!)
    await target.sync()
  }
}

/** Where samples begin: before each power of two, and before the end; multiples of every block size. */
export function placesOf(capacity: number): number[] {
  const sizes: number[] = []
  for (let size = smallestBytes; size < capacity; size *= 2) sizes.push(size)
  const last = Math.floor((capacity - sampleBytes) / 4096) * 4096
  const places = sizes.map(size => size - sampleBytes).filter(place => place + sampleBytes <= last)
  return [...places, last]
}

function counterfeit(target: Target, capacity: number): CodedError {
  const why = `it says that it holds ${formatSize(capacity)} and does not: it is counterfeit or broken: use another one`
  return new CodedError('Conflict', `cannot write to ${target.path}: because ${why}`)
}
