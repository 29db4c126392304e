/** Finds the one image in a zip file, and unpacks it. */
import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl'
import { streamRange } from './file-range.ts'

export interface ZippedImage {
  name: string
  /** Bytes when unpacked. */
  size: number
}

/** More than that in a zip with an image is no download of an image. */
const maxEntries = 1000

/** Throws what is wrong with the zip, or with what is in it. */
export async function findZippedImage(file: FileHandle, bytes: number): Promise<ZippedImage> {
  const { entry } = await findEntry(file, bytes)
  return { name: entry.fileName, size: entry.uncompressedSize }
}

export async function* readZippedImage(file: FileHandle, bytes: number): AsyncGenerator<Uint8Array> {
  const { zip, entry } = await findEntry(file, bytes)
  const stream = await zip.openReadStreamPromise(entry)
  let sum = 0
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      // The library compares lengths, not the checksum.
      sum = crc32(chunk, sum)
      yield chunk
    }
    if (sum !== entry.crc32) throw new Error(`the checksum of ${entry.fileName} in it is another`)
  } finally {
    stream.destroy()
  }
}

async function findEntry(file: FileHandle, bytes: number): Promise<{ zip: ZipFile; entry: Entry }> {
  const reader = new FileReader(file)
  const zip = await fromRandomAccessReaderPromise(reader, bytes, { autoClose: false, lazyEntries: true })
  if (zip.entryCount > maxEntries) throw new Error(`there are ${zip.entryCount} files in it`)
  const names: string[] = []
  const images: Entry[] = []
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName.endsWith('/') || entry.fileName.startsWith('__MACOSX/')) continue
    names.push(entry.fileName)
    if (/\.(img|raw|iso)$/i.test(entry.fileName)) images.push(entry)
  }
  const [entry, another] = images
  if (!entry) throw new Error(`there is no .img file in it, but ${list(names)}`)
  if (another) throw new Error(`there are several images in it: ${list(images.map(image => image.fileName))}`)
  if (entry.isEncrypted()) throw new Error(`${entry.fileName} in it needs a password`)
  return { zip, entry }
}

function list(names: string[]): string {
  if (names.length === 0) return 'nothing'
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ')
}

/** The open file stays ours: the library would close a descriptor that it is given. */
class FileReader extends RandomAccessReader {
  readonly #file: FileHandle

  constructor(file: FileHandle) {
    super()
    this.#file = file
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return streamRange(this.#file, { start, end })
  }
}
