/** Disks of a few megabytes, the same ones every time, packed in all the ways that images come. */
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageSource } from '../../../../cli/flash/disk/image-source.ts'
import { seededRandom } from '../../../../kit/random.ts'
import { run } from './loop-device.ts'

export const mib = 1024 * 1024

/** Noise, zeros, noise …, and the mark of a partition table. */
export function sampleDisk(bytes: number, seed = 1): Buffer {
  const disk = Buffer.alloc(bytes)
  const random = seededRandom(seed)
  for (let at = 0; at < bytes; at += 4) {
    if (Math.floor(at / 300_000) % 3 === 1) at += 299_996
    else disk.writeUInt32LE(Math.floor(random.number() * 2 ** 32), Math.min(at, bytes - 4))
  }
  disk.set([0x55, 0xaa], 510)
  return disk
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export async function readAllOf(source: Pick<ImageSource, 'read'>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source.read()) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** An image that is nowhere but in memory, in pieces as odd as those of decompressors. */
export function sourceOf(disk: Uint8Array, knowsSize = true): ImageSource {
  return {
    path: '/dev/null',
    format: 'raw',
    name: 'memory.img',
    size: knowsSize ? disk.length : undefined,
    async *read(signal) {
      for (let at = 0, step = 1; at < disk.length; at += step) {
        signal?.throwIfAborted()
        step = 100_003 + ((at * 7) % 1_000_003)
        yield disk.subarray(at, at + step)
      }
    },
  }
}

/** Writes `name` and packs it with the real program; resolves to the packed file. */
export async function pack(folder: string, disk: Uint8Array, format: 'raw' | 'xz' | 'gzip' | 'zstd' | 'zip') {
  const path = join(folder, 'disk.img')
  await writeFile(path, disk)
  if (format === 'raw') return path
  const { argv, ending } = packers[format]
  await run(argv[0], ...argv.slice(1), ...(format === 'zip' ? [`${path}.zip`] : []), path)
  return path + ending
}

const packers = {
  xz: { argv: ['xz', '-0', '-k', '-f'], ending: '.xz' },
  gzip: { argv: ['gzip', '-1', '-k', '-f'], ending: '.gz' },
  zstd: { argv: ['zstd', '-q', '-1', '-f'], ending: '.zst' },
  zip: { argv: ['zip', '-q', '-1', '-j'], ending: '.zip' },
} as const
