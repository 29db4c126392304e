/** The beginning of an image, unpacked into a private file that has no name: what the card's content is looked at and changed on. */
import { access, type FileHandle, constants as fs, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CodedError, messageOf } from '../../../kit/errors.ts'
import type { ImageSource } from './image-source.ts'
import { writeSparse } from './write-sparse.ts'

export interface HeadFile {
  /** Bytes there are: as many as asked for, or the whole image when it is shorter. */
  readonly size: number
  /** Where a program that we start may read it (`sfdisk --json`). Not for writing. */
  readonly path: string
  /** At most `length` bytes; fewer only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** How much to read: a number, or what follows from the first MiB (where the partition table is). */
export type HeadLength = number | ((first: Uint8Array) => number | Promise<number>)

const firstBytes = 1024 * 1024
/** More than any boot partition: what is asked beyond that is a damaged partition table. */
const maxHeadBytes = 8 * 1024 ** 3

/** Rejects as the source does, with `Invalid` when so much cannot be a head, and with `ServiceUnavailable` when there is no room for it. */
export async function readHead(source: ImageSource, length: HeadLength, signal?: AbortSignal): Promise<HeadFile> {
  const file = await openNameless()
  try {
    const size = await fill(file, source.read(signal), createDecide(source, length))
    return {
      size,
      path: `/proc/${process.pid}/fd/${file.fd}`,
      async read(offset, wanted) {
        const bytes = Math.max(0, Math.min(wanted, size - offset))
        const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, offset)
        return buffer.subarray(0, bytesRead)
      },
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    if (!isFull(error)) throw error
    const why = `there is no room for its beginning in ${await workFolder()} (${messageOf(error)}): set TMPDIR to a folder that has`
    throw new CodedError('ServiceUnavailable', `cannot look into ${source.path}: because ${why}`, { cause: error })
  }
}

async function fill(file: FileHandle, content: AsyncIterable<Uint8Array>, decide: Decide): Promise<number> {
  const first: Uint8Array[] = []
  let wanted: number | undefined
  let size = 0
  for await (const chunk of content) {
    const part = wanted === undefined ? chunk : chunk.subarray(0, wanted - size)
    await writeSparse(file, part, size)
    size += part.length
    if (wanted === undefined) {
      first.push(part)
      if (size >= firstBytes) wanted = await decide(Buffer.concat(first))
    }
    if (wanted !== undefined && size >= wanted) break
  }
  // An image of less than a MiB has been read whole by now.
  const end = Math.min(size, wanted ?? (await decide(Buffer.concat(first))))
  await file.truncate(end)
  return end
}

type Decide = (first: Uint8Array) => Promise<number>

function createDecide(source: ImageSource, length: HeadLength): Decide {
  return async first => {
    const bytes = typeof length === 'number' ? length : await length(first.subarray(0, firstBytes))
    if (bytes >= 0 && bytes <= maxHeadBytes) return bytes
    const why = `its boot partition would end at byte ${bytes}: its partition table is damaged`
    throw new CodedError('Invalid', `cannot look into ${source.path}: because ${why}`)
  }
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException).code ?? '')
}

/** Gone as soon as it is closed, or we die: nothing of a card stays behind in a folder for temporary files. */
async function openNameless(): Promise<FileHandle> {
  const folder = await mkdtemp(join(await workFolder(), 'flotilla-flash-'))
  try {
    return await open(join(folder, 'head'), 'wx+', 0o600)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** /tmp is memory on many systems, and this may be 500 MB. */
async function workFolder(): Promise<string> {
  if (process.env['TMPDIR']) return tmpdir()
  try {
    await access('/var/tmp', fs.W_OK)
    return '/var/tmp'
  } catch {
    // Not there or not for us: the system's own choice then.
    return tmpdir()
  }
}
