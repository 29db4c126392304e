/** An image to flash, whatever it is packed in: a stream of the disk's bytes, and their number where the file tells it. */
import type { FileHandle } from 'node:fs/promises'
import type { ImageFormat } from './image-format.ts'

export interface ImageSource {
  path: string
  format: ImageFormat
  /** Of the image inside: of a zip, the entry's; else the file's own. */
  name: string
  /** Bytes when unpacked. A gzip does not know, nor does a zstd that was made of a pipe. */
  size: number | undefined
  /** From its first byte, as often as one likes. Rejects with `Invalid` when the file is damaged or ends early. */
  read(signal?: AbortSignal): AsyncIterable<Uint8Array>
}

export interface OpenedImage {
  file: FileHandle
  path: string
  bytes: number
}

/** Rejects with `NotFound`, `Forbidden` or `Invalid`, always naming the file and what is wrong with it. */
export async function openImage(path: string): Promise<ImageSource> {
  throw new Error(`not yet: ${path}`)
}
