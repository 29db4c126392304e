/** An image to flash, whatever it is packed in: a stream of the disk's bytes, and their number where the file tells it. */
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { CodedError, messageOf } from '../../../kit/errors.ts'
import { type ImageFormat, problemOfDisk, recognise, recognisedBytes } from './image-format.ts'
import { unpackers } from './unpack.ts'

export interface ImageSource {
  path: string
  format: ImageFormat
  /** Of the image inside: of a zip, the entry's; else the file's own. */
  name: string
  /** Bytes when unpacked. A gzip does not know, nor does a zstd that was made of a pipe. */
  size: number | undefined
  /** From its first byte, as often as one likes. Rejects with `Invalid` when the file is damaged, ends early, or is another one by now. */
  read(signal?: AbortSignal): AsyncIterable<Uint8Array>
}

/** What makes it the same file as before. */
interface Identity {
  ino: number
  size: number
  mtimeMs: number
}

/** Rejects with `NotFound`, `Forbidden` or `Invalid`, always naming the file and what is wrong with it. */
export async function openImage(path: string): Promise<ImageSource> {
  const file = await openFile(path)
  try {
    const identity = await identify(file, path)
    const first = await file.read(Buffer.alloc(recognisedBytes), 0, recognisedBytes, 0)
    const format = recognise(first.buffer.subarray(0, first.bytesRead))
    if (typeof format === 'object') throw notUsable(path, format.problem)
    const { size, name } = await lookInto({ file, path, format, bytes: identity.size })
    const read = (signal?: AbortSignal): AsyncIterable<Uint8Array> =>
      readImage({ path, format, identity, size, signal })
    const source = { path, format, name: name ?? basename(path), size, read }
    if (format !== 'raw') await checkContent(source)
    return source
  } finally {
    await file.close()
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT')
      throw new CodedError('NotFound', `cannot read the image ${path}: because there is no such file`)
    if (code === 'EACCES' || code === 'EPERM')
      throw new CodedError('Forbidden', `cannot read the image ${path}: because it is not yours to read`, {
        cause: error,
      })
    throw notUsable(path, messageOf(error), error)
  }
}

async function identify(file: FileHandle, path: string): Promise<Identity> {
  const stat = await file.stat()
  if (stat.isDirectory()) throw notUsable(path, 'it is a folder: name the image in it')
  if (!stat.isFile()) throw notUsable(path, 'it is no file: copy it into one first (dd)')
  return { ino: stat.ino, size: stat.size, mtimeMs: stat.mtimeMs }
}

async function lookInto(packed: { file: FileHandle; path: string; format: ImageFormat; bytes: number }) {
  try {
    return await unpackers[packed.format].look(packed)
  } catch (error) {
    throw damaged(packed.path, packed.format, error)
  }
}

/** What is packed must be a disk too; and an archive that cannot be read at all is better known now. */
async function checkContent(source: ImageSource): Promise<void> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of source.read()) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= recognisedBytes) break
  }
  const problem = problemOfDisk(Buffer.concat(chunks).subarray(0, recognisedBytes))
  if (problem !== undefined) throw notUsable(source.path, `of what is in it: ${problem}`)
}

interface Reading {
  path: string
  format: ImageFormat
  identity: Identity
  size: number | undefined
  signal: AbortSignal | undefined
}

async function* readImage({ path, format, identity, size, signal }: Reading): AsyncGenerator<Uint8Array> {
  const file = await openFile(path)
  let bytes = 0
  try {
    // What was read of its beginning decides what is written over it: it has to be the same image.
    await assertSame(file, path, identity)
    const content = unpackers[format].read({ file, bytes: identity.size, signal })
    for await (const chunk of failingAs(content, error => damaged(path, format, error), signal)) {
      signal?.throwIfAborted()
      bytes += chunk.length
      yield chunk
    }
    await assertSame(file, path, identity)
    if (size !== undefined && bytes !== size)
      throw damaged(path, format, new Error(`${bytes} bytes came out of it, where ${size} should`))
  } finally {
    await file.close()
  }
}

async function* failingAs(
  content: AsyncIterable<Uint8Array>,
  describe: (error: unknown) => Error,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* content
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw describe(error)
  }
}

async function assertSame(file: FileHandle, path: string, identity: Identity): Promise<void> {
  const now = await identify(file, path)
  if (now.ino !== identity.ino || now.size !== identity.size || now.mtimeMs !== identity.mtimeMs)
    throw new CodedError('Conflict', `cannot read the image ${path}: because it was changed meanwhile: start again`)
}

/** zlib says of a file that ends early that its buffer does. */
function damaged(path: string, format: ImageFormat, error: unknown): CodedError {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ZSTD_error_frameParameter_windowTooLarge')
    return notUsable(path, 'unpacking it takes more than 128 MiB of memory: pack it again without --long', error)
  const why = code === 'Z_BUF_ERROR' ? 'it ends early' : messageOf(error)
  return notUsable(path, `it is damaged (${format}: ${why}): get it again, and compare its checksum`, error)
}

function notUsable(path: string, why: string, cause?: unknown): CodedError {
  return new CodedError('Invalid', `cannot read the image ${path}: because ${why}`, { cause })
}
