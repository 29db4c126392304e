/** Compares an image with the checksum that its maker has put beside it: `NAME.sha256`, `SHA256SUMS`. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Clock, systemClock } from '../../../kit/clock.ts'
import { CodedError, messageOf } from '../../../kit/errors.ts'
import { createProgressMeter, type OnProgress } from './progress.ts'

export interface ChecksumOptions {
  progress?: OnProgress
  signal?: AbortSignal
  clock?: Clock
}

/** Debian's SHA256SUMS of a release have some hundred lines. */
const maxSumFileBytes = 1024 * 1024

/** Resolves to the path of the file that confirms the image, or undefined when none names it. Rejects with `Conflict` when they differ. */
export async function checkImageSum(path: string, options: ChecksumOptions = {}): Promise<string | undefined> {
  const expected = await findSum(path)
  if (!expected) return undefined
  const found = await hashFile(path, options)
  if (found === expected.sum) return expected.file
  throw new CodedError(
    'Conflict',
    `cannot trust ${path}: because its SHA-256 is ${found}, where ${expected.file} says ${expected.sum}: get it again`,
  )
}

async function findSum(path: string): Promise<{ file: string; sum: string } | undefined> {
  const name = basename(path)
  for (const file of [`${path}.sha256`, `${path}.sha256sum`, join(dirname(path), 'SHA256SUMS')]) {
    const text = await readSums(file)
    const sum = text === undefined ? undefined : sumOf(name, text)
    if (sum !== undefined) return { file, sum }
  }
  return undefined
}

/** What `sha256sum` writes, with or without `--tag`, or the bare sum. */
export function sumOf(name: string, text: string): string | undefined {
  const bare = /^\s*([0-9a-f]{64})\s*$/i.exec(text)
  if (bare) return bare[1]!.toLowerCase()
  for (const line of text.split(/\r?\n/)) {
    const plain = /^([0-9a-f]{64}) [ *](?:.*\/)?([^/]+)$/i.exec(line)
    if (plain?.[2] === name) return plain[1]!.toLowerCase()
    const tagged = /^SHA256 \((?:.*\/)?([^/]+)\) = ([0-9a-f]{64})$/i.exec(line)
    if (tagged?.[1] === name) return tagged[2]!.toLowerCase()
  }
  return undefined
}

async function readSums(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      if (size > maxSumFileBytes) throw new Error(`it has ${size} bytes`)
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new CodedError('Invalid', `cannot read the checksums in ${path}: because ${messageOf(error)}`, {
      cause: error,
    })
  }
}

async function hashFile(path: string, { progress, signal, clock = systemClock }: ChecksumOptions): Promise<string> {
  const { size } = await stat(path)
  const meter = createProgressMeter({ phase: 'reading', total: size, clock, onProgress: progress })
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    signal?.throwIfAborted()
    hash.update(chunk)
    meter.add(chunk.length)
  }
  meter.finish()
  return hash.digest('hex')
}
