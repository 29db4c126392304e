/** The disk: partition table, boot partition and root in one file, as they will lie on the card. */
import { rename, rm, stat } from 'node:fs/promises'
import { partitions } from '../../contract/card/card-places.ts'
import { run } from '../run.ts'
import { bootSectors, bootStart, diskSignature, imageSectors, rootSectors, rootStart, sectorBytes } from './layout.ts'
import { placesOf, type Recipe, type Stage } from './recipe.ts'

/** The file system's own names for itself: constants, so that the same files make the same image. */
const rootUuid = 'f1077a11-0000-4000-8000-000000000002'
const hashSeed = 'f1077a11-0000-4000-8000-0000000000ff'

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

async function makeRoot(recipe: Recipe): Promise<void> {
  const { root, rootImage } = placesOf(recipe)
  const { epoch } = recipe
  await run('find', [
    root,
    '-newermt',
    `@${epoch}`,
    '-exec',
    'touch',
    '--no-dereference',
    `--date=@${epoch}`,
    '{}',
    '+',
  ])
  await rm(rootImage, { force: true })
  const features = [
    '-t',
    'ext4',
    '-b',
    '4096',
    '-I',
    '256',
    '-N',
    '24576',
    '-m',
    '0',
    '-O',
    '^has_journal,^resize_inode',
  ]
  const names = ['-U', rootUuid, '-L', partitions.rootA.label, '-E', `hash_seed=${hashSeed},root_owner=0:0,nodiscard`]
  const env = { E2FSPROGS_FAKE_TIME: String(epoch) }
  await run('mke2fs', ['-q', ...features, ...names, '-d', root, rootImage, `${(rootSectors * sectorBytes) / 1024}k`], {
    env,
  })
  await settleTimes(rootImage, epoch)
}

/** mke2fs keeps when each file was last changed and read here, which says something of this build only. */
async function settleTimes(image: string, epoch: number): Promise<void> {
  const header = await run('dumpe2fs', ['-h', image])
  const count = (field: string): number => Number(new RegExp(`^${field}: +(\\d+)$`, 'm').exec(header)?.[1])
  // Numbers are given in turn: 2 is the root, 11 the first of the others.
  const last = count('Inode count') - count('Free inodes')
  const inodes = [2, ...Array.from({ length: last - 10 }, (_, at) => at + 11)]
  const script = inodes.flatMap(inode => ['ctime', 'atime'].map(field => `sif <${inode}> ${field} @${epoch}\n`))
  await run('debugfs', ['-w', image], {
    input: script.join(''),
    env: { E2FSPROGS_FAKE_TIME: String(epoch) },
  })
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
