/** The disk: partition table, boot partition and root in one file, as they will lie on the card. */
import { rename, rm, stat } from 'node:fs/promises'
import { CodedError } from '../../kit/errors.ts'
import { run } from '../run.ts'
import { bootSectors, bootStart, diskSignature, imageSectors, rootSectors, rootStart, sectorBytes } from './layout.ts'
import { placesOf, type Recipe, type Stage } from './recipe.ts'

/** The file system's own name for itself: a constant, so that the same files make the same image. */
const rootUuid = 'f1077a11-0000-4000-8000-000000000002'
/** What is compressed at once: more saves little, and each page that a program touches costs the reading of all of it. */
const clusterBytes = 16_384

export const disk: Stage = {
  name: '90-disk',
  what: 'the disk',
  async run(recipe) {
    const { bootImage, rootImage, diskImage } = placesOf(recipe)
    await makeRoot(recipe)
    const part = `${diskImage}.part`
    await rm(part, { force: true })
    await run('truncate', ['--size', String(imageSectors * sectorBytes), part])
    await run('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', part], { input: renderTable(recipe) })
    await copyInto(part, bootImage, bootStart)
    await copyInto(part, rootImage, rootStart)
    await rename(part, diskImage)
    const used = Number((await run('du', ['--block-size=1', rootImage])).split('\t')[0])
    return `${Math.round(used / 1e6)} MB used of ${Math.round((await stat(diskImage)).size / 1e6)} MB`
  },
}

function renderTable({ machine }: Recipe): string {
  return [
    'label: dos',
    `label-id: 0x${diskSignature}`,
    // "bootable": U-Boot looks for its EFI program there first.
    `start=${bootStart}, size=${bootSectors}, type=${machine.bootType}, bootable`,
    `start=${rootStart}, size=${rootSectors}, type=83`,
    '',
  ].join('\n')
}

/** erofs: compressed, and never written; made without a mount. Files are as old as the image: so they are the same whoever unpacked them. */
async function makeRoot(recipe: Recipe): Promise<void> {
  const { root, rootImage } = placesOf(recipe)
  await rm(rootImage, { force: true })
  const compression = ['-zlz4hc', `-C${clusterBytes}`]
  await run('mkfs.erofs', ['--quiet', ...compression, `-T${recipe.epoch}`, `-U${rootUuid}`, rootImage, root])
  const { size } = await stat(rootImage)
  if (size > rootSectors * sectorBytes)
    throw new CodedError(
      'Invalid',
      `cannot build the image: because the system takes ${size} bytes, and has ${rootSectors * sectorBytes}`,
    )
}

/** Only what is not zero: the file stays as sparse as its parts. */
async function copyInto(target: string, source: string, sector: number): Promise<void> {
  await run('dd', [
    `if=${source}`,
    `of=${target}`,
    'bs=1M',
    `seek=${sector * sectorBytes}`,
    'oflag=seek_bytes',
    'conv=notrunc,sparse',
    'status=none',
  ])
}
