/** One row per format: how long the image inside a file is, and how its bytes come out. */
import type { FileHandle } from 'node:fs/promises'
import { pipeline, type Transform } from 'node:stream'
import { createGunzip, createZstdDecompress, constants as zlib } from 'node:zlib'
import { readRange, streamRange } from './file-range.ts'
import type { ImageFormat } from './image-format.ts'
import { readXz } from './read-xz.ts'
import { findZippedImage, readZippedImage } from './read-zip.ts'
import { sizeOfXz } from './xz-index.ts'
import { listZstdFrames } from './zstd-frames.ts'

export interface PackedFile {
  file: FileHandle
  /** Its length. */
  bytes: number
  signal?: AbortSignal | undefined
}

/** Both throw what is wrong with the file, as half a sentence. */
export interface Unpacker {
  look(packed: PackedFile): Promise<{ size: number | undefined; name?: string }>
  read(packed: PackedFile): AsyncIterable<Uint8Array>
}

const chunkBytes = 256 * 1024
/** 128 MiB: what `zstd` itself takes without being told. A Pi Zero has 512. */
const maxWindowLog = 27

export const unpackers: Record<ImageFormat, Unpacker> = {
  raw: {
    look: async ({ bytes }) => ({ size: bytes }),
    read: ({ file, bytes }) => readRange(file, { start: 0, end: bytes }),
  },
  xz: {
    look: async ({ file, bytes }) => ({ size: await sizeOfXz(file, bytes) }),
    read: ({ file, signal }) => readXz(file, { signal }),
  },
  gzip: {
    // Its last four bytes are the length of its last member modulo 4 GiB (RFC 1952, 2.3.1): not to be relied on.
    look: async () => ({ size: undefined }),
    read: ({ file, bytes }) =>
      through(streamRange(file, { start: 0, end: bytes }), createGunzip({ chunkSize: chunkBytes })),
  },
  zstd: {
    async look({ file, bytes }) {
      const frames = await listZstdFrames(file, bytes)
      const known = frames.flatMap(({ size }) => (size === undefined ? [] : [size]))
      return { size: known.length === frames.length ? known.reduce((sum, size) => sum + size, 0) : undefined }
    },
    async *read({ file, bytes }) {
      for (const frame of await listZstdFrames(file, bytes))
        yield* through(streamRange(file, frame), createZstdDecompress(zstdOptions))
    },
  },
  zip: {
    look: ({ file, bytes }) => findZippedImage(file, bytes),
    read: ({ file, bytes }) => readZippedImage(file, bytes),
  },
}

const zstdOptions = { chunkSize: chunkBytes, params: { [zlib.ZSTD_d_windowLogMax]: maxWindowLog } }

function through(source: NodeJS.ReadableStream, decoder: Transform): AsyncIterable<Uint8Array> {
  // An error ends both, and comes out of the decoder; so does whoever stops reading early.
  return pipeline(source, decoder, () => undefined)
}
