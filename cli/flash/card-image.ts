/** The boot partition of an image or of a card, to be looked at, and to be changed for each card anew; nothing is written to it. */
import type { Assets } from '../../kit/assets.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { formatSize } from './disk/format-size.ts'
import type { HeadFile } from './disk/head-file.ts'
import { readHead } from './disk/head-file.ts'
import { type ImageSource, openImage } from './disk/image-source.ts'
import { type Fat, openFat } from './fat.ts'
import { bootPartitionOf, type PartitionTable, readPartitions, tableBytes } from './partition-table.ts'

export interface CardImage {
  source: ImageSource
  /** Its size, or of an image that does not tell it where its last partition ends: it has no less. */
  leastBytes: number
  /** To look at. */
  stock: Fat
  /** A view of its own, whose changes are its own. */
  openBoot(): Promise<Fat>
  close(): Promise<void>
}

/** Rejects with `Invalid`, naming the image. */
export async function openCardImage(path: string, assets: Assets, signal?: AbortSignal): Promise<CardImage> {
  const source = await openImage(path)
  const endOfBoot = async (first: Uint8Array): Promise<number> => {
    const { start, size } = bootPartitionOf(await readPartitions(first.subarray(0, tableBytes)))
    return start + size
  }
  const head = await readHead(source, endOfBoot, signal).catch(error => explain(path, error))
  try {
    const table = await readPartitions(await head.read(0, tableBytes))
    const { start, size } = bootPartitionOf(table)
    const end = endOf(table)
    assertWhole(end, source.size ?? (head.size < start + size ? head.size : undefined))
    const openBoot = (): Promise<Fat> => openFat({ path: head.path, offset: start, size, assets })
    const stock = await openBoot()
    return { source, leastBytes: source.size ?? end, stock, openBoot, close: () => closeAll(stock, head) }
  } catch (error) {
    await head.close()
    return explain(path, error)
  }
}

function endOf({ partitions }: PartitionTable): number {
  return Math.max(0, ...partitions.map(({ start, size }) => start + size))
}

/** A download that broke off unpacks to nothing, unless it was not packed: then its partitions reach beyond its end. */
function assertWhole(end: number, bytes: number | undefined): void {
  if (bytes === undefined || bytes >= end) return
  const why = `its partitions reach to ${formatSize(end)}, and it ends at ${formatSize(bytes)}: get it again, whole`
  throw new CodedError('Invalid', `cannot read the image: because ${why}`)
}

async function closeAll(stock: Fat, head: HeadFile): Promise<void> {
  stock.close()
  await head.close()
}

/** What is found wrong in an image names the image. */
function explain(path: string, error: unknown): never {
  if (!(error instanceof CodedError) || error.message.includes(path)) throw error
  throw new CodedError(error.code, `cannot use ${path}: ${messageOf(error)}`, { cause: error })
}
