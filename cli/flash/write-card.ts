/** Writes one card: its files into a view of the image's boot partition, the image with these changes to the target, and back. */
import type { Clock } from '../../kit/clock.ts'
import { type CardFile, writeContent } from './card-content.ts'
import type { CardImage } from './card-image.ts'
import type { ChosenTarget } from './choose-target.ts'
import { openTarget } from './disk/open-target.ts'
import type { Patch } from './disk/patches.ts'
import type { OnProgress } from './disk/progress.ts'
import { unmountDrive } from './disk/unmount.ts'
import { verifyImage } from './disk/verify-image.ts'
import { writeImage } from './disk/write-image.ts'
import type { Fat } from './fat.ts'
import type { ImageKind } from './image-kind.ts'

/** The files of a card, for an image of this kind. */
export interface CardContent {
  image: CardImage
  kind: ImageKind
  files: CardFile[]
}

export interface WriteCardParts extends CardContent {
  target: ChosenTarget
  verify: boolean
  progress: OnProgress
  signal: AbortSignal
  clock: Clock
}

export interface WrittenCard {
  bytes: number
  sha256: string
}

/** Rejects as writing and verifying do; what is then on a drive does not start. */
export async function writeCard({
  image,
  kind,
  files,
  target: chosen,
  verify,
  ...how
}: WriteCardParts): Promise<WrittenCard> {
  const patches = await patchesFor({ image, kind, files })
  if (chosen.kind === 'drive') await unmountDrive(chosen.drive)
  const target = await openTarget(chosen.path, chosen.kind)
  try {
    const written = await writeImage({ source: image.source, leastBytes: image.leastBytes, patches, target, ...how })
    if (verify) await verifyImage({ target, written, ...how })
    await target.finish()
    return { bytes: written.bytes, sha256: written.sha256 }
  } finally {
    await target.abandon()
  }
}

/** Rejects with `RequestEntityTooLarge` when they do not. */
export async function assertFits(content: CardContent): Promise<void> {
  await withContent(content, () => undefined)
}

function patchesFor(content: CardContent): Promise<Patch[]> {
  return withContent(content, boot => boot.patches())
}

async function withContent<T>({ image, kind, files }: CardContent, work: (boot: Fat) => T): Promise<T> {
  const boot = await image.openBoot()
  try {
    writeContent(boot, files, kind)
    return work(boot)
  } finally {
    boot.close()
  }
}
