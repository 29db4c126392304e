/** Writes an image, with patches laid over it, once from its beginning to its end, and its first chunk last. */
import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { type Clock, systemClock } from '../../../kit/clock.ts'
import { CodedError, messageOf } from '../../../kit/errors.ts'
import { alignedBuffers } from './aligned-buffers.ts'
import { probeCapacity } from './capacity.ts'
import { createChunkFiller } from './fill-chunks.ts'
import { formatSize } from './format-size.ts'
import type { ImageSource } from './image-source.ts'
import { applyPatches, endOfPatches, type Patch } from './patches.ts'
import { createProgressMeter, type OnProgress, type ProgressMeter } from './progress.ts'
import type { Target } from './target.ts'

export interface WriteOptions {
  source: ImageSource
  patches: readonly Patch[]
  target: Target
  /** Of an image that does not tell its size: what is known of it, for whoever waits. */
  leastBytes?: number
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

/** What is written at once: a multiple of the erase blocks of cards. Three of them are all the memory that writing takes. */
export const chunkBytes = 4 * 1024 * 1024
/** Where a table of an older, larger image has its second half (GPT), and RAID its marks. */
const tailBytes = 1024 * 1024
/** No image of a card is larger: a file that unpacks to more than that is a bomb. */
const maxImageBytes = 256 * 1024 ** 3

/**
 * Rejects with `Invalid` when image and target do not fit, with what `source` or `target` reject with otherwise, and when
 * `signal` aborts. What is then on a drive has no partition table and does not start; the message says so.
 */
export async function writeImage({ clock = systemClock, ...options }: WriteOptions): Promise<WrittenImage> {
  const { source, target, leastBytes, progress, signal } = options
  await assertFits(options)
  if (signal?.aborted) throw interrupted(target, 'nothing was written', signal.reason)
  await probeCapacity(target).catch(error => {
    throw withState(error, `${target.path} may have lost parts of what was on it`)
  })
  const meter = createProgressMeter({ phase: 'writing', total: source.size ?? leastBytes, clock, onProgress: progress })
  try {
    await wipeEnds(target)
    return await stream(options, meter)
  } catch (error) {
    throw unfinished(error, target, signal)
  }
}

async function assertFits({ source, patches, target }: WriteOptions): Promise<void> {
  const room = target.capacity ?? maxImageBytes
  if (source.size !== undefined && source.size > room)
    throw tooLarge(source, target, `${formatSize(source.size)} do not fit into ${formatSize(room)}`)
  if (source.size !== undefined && endOfPatches(patches) > source.size)
    throw new CodedError('Invalid', `cannot change ${source.path}: because the change lies behind its end`)
  if ((await realpath(source.path)) === target.path)
    throw new CodedError('Invalid', `cannot write to ${target.path}: because it is the image itself: name another file`)
}

/** What was on the drive does not start any more, and no tool finds traces of it: an unfinished card looks empty. */
async function wipeEnds(target: Target): Promise<void> {
  if (target.kind !== 'drive' || target.capacity === undefined) return
  const tail = Math.max(0, Math.floor((target.capacity - tailBytes) / 4096) * 4096)
  await wipe(target, tail, target.capacity - tail)
  await wipe(target, 0, Math.min(chunkBytes, target.capacity))
  await target.sync()
}

async function wipe(target: Target, offset: number, bytes: number): Promise<void> {
  const [zeros] = alignedBuffers(1, bytes)
  await target.write(zeros!, offset)
}

/** Without its first chunk (which has the partition table) a drive does not start. For what has turned out to be wrong. */
export async function makeUnusable(target: Target): Promise<void> {
  if (target.kind !== 'drive') return
  await wipe(target, 0, Math.min(chunkBytes, target.capacity ?? chunkBytes))
  await target.sync()
}

/** One chunk is filled while the one before it is written. */
async function stream({ source, patches, target, signal }: WriteOptions, meter: ProgressMeter): Promise<WrittenImage> {
  const [first, ...pair] = alignedBuffers(3, chunkBytes) as [Buffer, Buffer, Buffer]
  const filler = createChunkFiller(source.read(signal))
  const hash = createHash('sha256')
  const chunkSums: number[] = []
  let bytes = 0
  let firstLength = 0
  let writing: Promise<void> = Promise.resolve()
  try {
    for (let chunk = 0; ; chunk++) {
      const buffer = chunk === 0 ? first : pair[chunk % 2]!
      const length = await filler.fill(buffer)
      if (length === 0) break
      assertRoom(source, target, bytes + length)
      applyPatches(buffer.subarray(0, length), bytes, patches)
      hash.update(buffer.subarray(0, length))
      chunkSums.push(crc32(buffer.subarray(0, length)))
      await writing
      signal?.throwIfAborted()
      if (chunk === 0) firstLength = length
      else writing = writeChunk({ target, buffer, length, offset: bytes, meter })
      // Awaited above or below; until then nobody else hears of its failure.
      writing.catch(() => undefined)
      bytes += length
    }
    await writing
    if (endOfPatches(patches) > bytes)
      throw new CodedError('Invalid', `cannot change ${source.path}: because the change lies behind its end`)
    await target.sync()
    await writeChunk({ target, buffer: first, length: firstLength, offset: 0, meter })
    await target.setLength(bytes)
    await target.sync()
    meter.finish()
    return { bytes, sha256: hash.digest('hex'), chunkSums }
  } finally {
    // Nobody may close the target while the kernel still reads from our buffers.
    await writing.catch(() => undefined)
    await filler.close()
  }
}

interface ChunkToWrite {
  target: Target
  buffer: Buffer
  length: number
  offset: number
  meter: ProgressMeter
}

async function writeChunk({ target, buffer, length, offset, meter }: ChunkToWrite): Promise<void> {
  // A drive takes whole blocks only: an image that ends within one gets zeros.
  const whole = Math.ceil(length / target.blockBytes) * target.blockBytes
  buffer.fill(0, length, whole)
  await target.write(buffer.subarray(0, whole), offset)
  meter.add(length)
}

function assertRoom(source: ImageSource, target: Target, bytes: number): void {
  const room = target.capacity ?? maxImageBytes
  if (bytes > room) throw tooLarge(source, target, `what comes out of it does not fit into ${formatSize(room)}`)
}

function tooLarge(source: ImageSource, target: Target, why: string): CodedError {
  const wayOut = target.kind === 'drive' ? 'take a larger one' : 'no image of a card is so large'
  return new CodedError('Invalid', `cannot write ${source.path} to ${target.path}: because ${why}: ${wayOut}`)
}

function unfinished(error: unknown, target: Target, signal: AbortSignal | undefined): CodedError {
  const state =
    target.kind === 'drive'
      ? `${target.path} is unfinished and does not start: flash it again`
      : `${target.path} was not made`
  return !(error instanceof CodedError) && signal?.aborted ? interrupted(target, state, error) : withState(error, state)
}

function withState(error: unknown, state: string): CodedError {
  const code = error instanceof CodedError ? error.code : 'InternalError'
  return new CodedError(code, `${messageOf(error)}. ${state}`, { cause: error })
}

function interrupted(target: Target, state: string, cause: unknown): CodedError {
  return new CodedError('Timeout', `cannot finish ${target.path}: because it was interrupted. ${state}`, { cause })
}
