/** What a card, or an image of one, says of itself: read from its boot partition. */
import { open, stat } from 'node:fs/promises'
import { onBoot } from '../../contract/card/card-places.ts'
import type { CardSettings } from '../../contract/card/card-settings.ts'
import { parseCardSettings } from '../../contract/card/read-card.ts'
import { type Assets, programAssets } from '../../kit/assets.ts'
import { CodedError, hasCode, messageOf } from '../../kit/errors.ts'
import { openCardImage } from './card-image.ts'
import { diskError } from './disk/disk-errors.ts'
import { type Fat, openFat } from './fat.ts'
import { type ImageKind, imageKindOf } from './image-kind.ts'
import { bootPartitionOf, readPartitions, tableBytes } from './partition-table.ts'

export interface FoundCard {
  kind: ImageKind | undefined
  settings: CardSettings | undefined
  /** The join line. */
  ticket: string | undefined
  /** What the first start said last. */
  status: string | undefined
  /** What could not be read, for people. */
  problems: string[]
}

/** Undefined when it holds nothing that could be a card: no partitions, no FAT. Rejects when that cannot be found out. */
export async function readCardOf(path: string): Promise<FoundCard | undefined> {
  try {
    return await readCard(path)
  } catch (error) {
    // A new card is empty.
    if (hasCode(error, 'Invalid')) return undefined
    throw diskError('read', path, error)
  }
}

/** Rejects with why it cannot be read. */
export async function readCard(path: string): Promise<FoundCard> {
  const assets = programAssets()
  if ((await stat(path)).isBlockDevice()) {
    const fat = await openDriveBoot(path, assets)
    try {
      return lookInto(fat)
    } finally {
      fat.close()
    }
  }
  const image = await openCardImage(path, assets)
  try {
    return lookInto(image.stock)
  } finally {
    await image.close()
  }
}

async function openDriveBoot(path: string, assets: Assets): Promise<Fat> {
  const drive = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await drive.read(Buffer.alloc(tableBytes), 0, tableBytes, 0)
    const { start, size } = bootPartitionOf(await readPartitions(buffer.subarray(0, bytesRead)))
    return await openFat({ path, offset: start, size, assets })
  } finally {
    await drive.close()
  }
}

function lookInto(fat: Fat): FoundCard {
  const problems: string[] = []
  const read = <T>(what: () => T): T | undefined => {
    try {
      return what()
    } catch (error) {
      // What is wrong with a file is told. A card that cannot be read is none whose content is known.
      if (!(error instanceof CodedError) || error.code === 'ServiceUnavailable') throw error
      problems.push(messageOf(error))
      return undefined
    }
  }
  return {
    kind: read(() => imageKindOf(fat)),
    settings: read(() => {
      const text = fat.text(onBoot.settings)
      return text === undefined ? undefined : parseCardSettings(text)
    }),
    ticket: read(() => fat.text(onBoot.join)?.trim()) || undefined,
    status: read(() => fat.text(onBoot.status)?.trim()) || undefined,
    problems,
  }
}
