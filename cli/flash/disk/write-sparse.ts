/** Writes to a file without taking room for zeros: most of a card image is empty. */
import type { FileHandle } from 'node:fs/promises'

/** Small enough to find the gaps between files of a FAT, large enough to write few times. */
const blockBytes = 64 * 1024
const zeros = Buffer.alloc(blockBytes)

/** The file must have nothing there yet, and gets its length by `truncate` at the end: zeros are not written. */
export async function writeSparse(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let start = -1
  for (let at = 0; at <= bytes.length; at += blockBytes) {
    const block = bytes.subarray(at, at + blockBytes)
    const isEmpty = zeros.subarray(0, block.length).equals(block)
    if (!isEmpty && start < 0) start = at
    if (isEmpty && start >= 0) {
      await writeAll(file, bytes.subarray(start, at), offset + start)
      start = -1
    }
  }
  if (start >= 0) await writeAll(file, bytes.subarray(start), offset + start)
}

/** The kernel may take less than it is given. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done)
    // POSIX allows no 0 here; a drive that gave it for ever would hold us for ever.
    if (bytesWritten === 0) throw Object.assign(new Error('nothing more can be written'), { code: 'ENOSPC' })
    done += bytesWritten
  }
}
