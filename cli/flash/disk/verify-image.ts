/** Reads back what was written, from the medium, and compares. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { type Clock, systemClock } from '../../../kit/clock.ts'
import { CodedError, messageOf } from '../../../kit/errors.ts'
import { alignedBuffers } from './aligned-buffers.ts'
import { createProgressMeter, type OnProgress, type ProgressMeter } from './progress.ts'
import type { Target } from './target.ts'
import { chunkBytes, makeUnusable, type WrittenImage } from './write-image.ts'

export interface VerifyOptions {
  target: Target
  written: WrittenImage
  progress?: OnProgress
  signal?: AbortSignal
  clock?: Clock
}

/**
 * Rejects with `Conflict` when the target holds something else, saying from which byte on, and when `signal` aborts. A drive
 * that is not verified loses its partition table again: a card either is right or does not start.
 */
export async function verifyImage({ clock = systemClock, ...options }: VerifyOptions): Promise<void> {
  const { target, written, progress, signal } = options
  const meter = createProgressMeter({ phase: 'verifying', total: written.bytes, clock, onProgress: progress })
  try {
    await target.dropCaches()
    await compare(options, meter)
  } catch (error) {
    // A drive that does not answer any more cannot be told this either; what it failed with first is what is told.
    await makeUnusable(target).catch(() => undefined)
    throw unverified(error, target, signal)
  }
  meter.finish()
}

/** One chunk is read while the one before it is compared. */
async function compare({ target, written, signal }: VerifyOptions, meter: ProgressMeter): Promise<void> {
  const pair = alignedBuffers(2, chunkBytes)
  const hash = createHash('sha256')
  const read = async (chunk: number): Promise<Buffer> => {
    const length = Math.min(chunkBytes, written.bytes - chunk * chunkBytes)
    const buffer = pair[chunk % 2]!
    const whole = Math.ceil(length / target.blockBytes) * target.blockBytes
    await target.read(buffer.subarray(0, whole), chunk * chunkBytes)
    return buffer.subarray(0, length)
  }
  let next = read(0)
  try {
    for (const [chunk, sum] of written.chunkSums.entries()) {
      const bytes = await next
      signal?.throwIfAborted()
      if (chunk + 1 < written.chunkSums.length) next = read(chunk + 1)
      // Awaited in the next turn; until then nobody else hears of its failure.
      next.catch(() => undefined)
      if (crc32(bytes) !== sum) throw differs(target, chunk * chunkBytes)
      hash.update(bytes)
      meter.add(bytes.length)
    }
    if (hash.digest('hex') !== written.sha256) throw differs(target, 0)
  } finally {
    await next.catch(() => undefined)
  }
}

function differs(target: Target, offset: number): CodedError {
  const place = `between byte ${offset} and byte ${offset + chunkBytes}`
  const why = `it holds something else than was written, first ${place}: it is worn out, broken or counterfeit: use another one`
  return new CodedError('Conflict', `cannot trust ${target.path}: because ${why}`)
}

function unverified(error: unknown, target: Target, signal: AbortSignal | undefined): CodedError {
  if (error instanceof CodedError) return error
  if (!signal?.aborted) return new CodedError('InternalError', messageOf(error), { cause: error })
  const state =
    target.kind === 'drive' ? `${target.path} does not start: flash it again` : `${target.path} was not made`
  const why = `cannot verify ${target.path}: because it was interrupted. ${state}`
  return new CodedError('Timeout', why, { cause: error })
}
