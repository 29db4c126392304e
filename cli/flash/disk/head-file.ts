/** The beginning of an image, unpacked into a private file that has no name: what the card's content is looked at and changed on. */
import type { ImageSource } from './image-source.ts'

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

export async function readHead(source: ImageSource, length: HeadLength): Promise<HeadFile> {
  throw new Error(`not yet: ${source.path} ${length}`)
}
