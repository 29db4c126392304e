/** A drive in memory that remembers in which order it was written, and can be made to lie or to break. */

import type { Target } from '../../../../cli/flash/disk/target.ts'
import { CodedError } from '../../../../kit/errors.ts'

export interface FakeTarget extends Target {
  bytes: Buffer
  writes: Array<{ offset: number; length: number }>
}

export interface FakeTargetOptions {
  capacity: number
  /** What it really has, of its `capacity`. Behind it, it begins again at its beginning, or keeps nothing. */
  real?: number
  beyond?: 'wraps' | 'keeps nothing'
  /** Breaks at the write that begins there or behind. */
  breaksAt?: number
}

export function createFakeTarget({ capacity, real = capacity, beyond, breaksAt }: FakeTargetOptions): FakeTarget {
  const bytes = Buffer.alloc(real)
  // As far as images go here: to fill all of a large one takes seconds.
  bytes.subarray(0, 32 * 1024 * 1024).fill(0xa5)
  const writes: FakeTarget['writes'] = []
  const placeOf = (offset: number): number | undefined =>
    offset < real ? offset : beyond === 'wraps' ? offset % real : undefined
  return {
    path: '/dev/fake',
    kind: 'drive',
    capacity,
    blockBytes: 512,
    bytes,
    writes,
    async write(piece, offset) {
      if (offset % 512 !== 0 || piece.length % 512 !== 0) throw new Error(`not aligned: ${piece.length} at ${offset}`)
      if (breaksAt !== undefined && offset >= breaksAt) throw new CodedError('ServiceUnavailable', 'it broke')
      writes.push({ offset, length: piece.length })
      const place = placeOf(offset)
      if (place !== undefined) bytes.set(piece, place)
    },
    async read(into, offset) {
      const place = placeOf(offset)
      into.set(place === undefined ? Buffer.alloc(into.length) : bytes.subarray(place, place + into.length))
    },
    sync: async () => undefined,
    dropCaches: async () => undefined,
    setLength: async () => undefined,
    finish: async () => undefined,
    abandon: async () => undefined,
  }
}
