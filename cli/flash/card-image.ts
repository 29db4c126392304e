/** The boot partition of an image or of a card, opened to be looked at and changed; nothing is written to it. */
import type { Assets } from '../../kit/assets.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { readHead } from './disk/head-file.ts'
import { type ImageSource, openImage } from './disk/image-source.ts'
import { type Fat, openFat } from './fat.ts'
import { bootPartitionOf, readPartitions, tableBytes } from './partition-table.ts'

export interface CardImage {
  source: ImageSource
  fat: Fat
  close(): Promise<void>
}

/** Beyond it, an image's boot partition would not fit into memory or /tmp of a small board. */
const maxHeadBytes = 4 * 1024 ** 3

/** Rejects with `Invalid`, naming the image. */
export async function openCardImage(path: string, assets: Assets): Promise<CardImage> {
  const source = await openImage(path)
  const end = async (first: Uint8Array): Promise<number> => {
    const boot = bootPartitionOf(await readPartitions(first.subarray(0, tableBytes)))
    const bytes = boot.start + boot.size
    if (bytes > maxHeadBytes)
      throw new CodedError('Invalid', `its boot partition ends at ${bytes} bytes, beyond ${maxHeadBytes}`)
    return bytes
  }
  const head = await readHead(source, end).catch(error => explain(path, error))
  try {
    const { start, size } = bootPartitionOf(await readPartitions(await head.read(0, tableBytes)))
    const fat = await openFat({ path: head.path, offset: start, size, assets })
    return {
      source,
      fat,
      async close() {
        fat.close()
        await head.close()
      },
    }
  } catch (error) {
    await head.close()
    return explain(path, error)
  }
}

function explain(path: string, error: unknown): never {
  if (!(error instanceof CodedError)) throw error
  if (error.message.includes(path)) throw error
  throw new CodedError(error.code, `cannot use ${path}: because of its contents: ${messageOf(error)}`, { cause: error })
}
