/** Where the frames of a .zst file begin and end, and how much is in them (RFC 8878, 3.1). */
import type { FileHandle } from 'node:fs/promises'
import { createFileWindow, type ReadAt } from './file-range.ts'

export interface ZstdFrame {
  start: number
  /** Exclusive. */
  end: number
  /** Bytes when unpacked, where the frame tells. */
  size: number | undefined
}

const frameMagic = 0xfd2fb528
/** 0x184D2A50 to 0x184D2A5F: a frame of the writer's own, to be passed over (RFC 8878, 3.1.2). */
const skippableMagic = 0x184d2a50
const maxHeaderBytes = 18
/** Allowed, but nobody writes them. */
const maxEmptyBlocks = 1000

/**
 * Node's decompressor ends with the first frame and says nothing of the others, which are what pzstd writes; so each is given
 * to one of its own. Throws what is wrong when the file ends early or has something else in it.
 */
export async function listZstdFrames(file: FileHandle, bytes: number): Promise<ZstdFrame[]> {
  const frames: ZstdFrame[] = []
  const readAt = createFileWindow(file)
  for (let at = 0; at < bytes; ) {
    const head = await readAt(at, Math.min(maxHeaderBytes, bytes - at))
    const magic = head.length >= 4 ? head.readUInt32LE(0) : 0
    if ((magic & 0xfffffff0) >>> 0 === skippableMagic) {
      if (head.length < 8) throw new Error('it ends early')
      at += 8 + head.readUInt32LE(4)
      continue
    }
    if (magic !== frameMagic) throw new Error(`there is something else than zstd at byte ${at}`)
    const frame = await readFrame({ readAt, bytes, start: at, head })
    frames.push(frame)
    at = frame.end
  }
  if (frames.length === 0) throw new Error('there is nothing in it')
  return frames
}

interface FrameStart {
  readAt: ReadAt
  bytes: number
  start: number
  head: Buffer
}

async function readFrame({ readAt, bytes, start, head }: FrameStart): Promise<ZstdFrame> {
  const header = readHeader(head)
  for (let at = start + header.length, empty = 0; at + 3 <= bytes; ) {
    const block = (await readAt(at, 3)).readUIntLE(0, 3)
    // Three zeros are an empty block, and not the last one: a file that was not downloaded whole may have nothing else.
    empty = block === 0 ? empty + 1 : 0
    if (empty > maxEmptyBlocks) throw new Error('it ends in zeros')
    const kind = (block >> 1) & 3
    if (kind === 3) throw new Error(`the block at byte ${at} is damaged`)
    // A block of kind 1 is one byte, repeated (RFC 8878, 3.1.1.2.2).
    at += 3 + (kind === 1 ? 1 : block >> 3)
    if ((block & 1) === 0) continue
    const end = at + (header.hasChecksum ? 4 : 0)
    if (end > bytes) break
    return { start, end, size: header.size }
  }
  throw new Error('it ends early')
}

function readHeader(head: Buffer): { length: number; size: number | undefined; hasChecksum: boolean } {
  const descriptor = head.length > 4 ? head.readUInt8(4) : 0
  const isSingleSegment = (descriptor & 0x20) !== 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  const sizeAt = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes
  const length = sizeAt + sizeBytes
  if (head.length < length) throw new Error('it ends early')
  const sizes: Record<number, () => number | undefined> = {
    0: () => undefined,
    1: () => head.readUInt8(sizeAt),
    2: () => head.readUInt16LE(sizeAt) + 256,
    4: () => head.readUInt32LE(sizeAt),
    8: () => Number(head.readBigUInt64LE(sizeAt)),
  }
  return { length, size: sizes[sizeBytes]!(), hasChecksum: (descriptor & 4) !== 0 }
}
