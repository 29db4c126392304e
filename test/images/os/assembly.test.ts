import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { initrdOf } from '../../../images/os/70-initrd.ts'
import { boot } from '../../../images/os/80-boot.ts'
import { disk } from '../../../images/os/90-disk.ts'
import { type Architecture, machines } from '../../../images/os/machines.ts'
import { placesOf, type Recipe } from '../../../images/os/recipe.ts'
import { programAssets } from '../../../kit/assets.ts'
import { canUse, run } from '../../cli/flash/disk/loop-device.ts'

const execute = promisify(execFile)
const tools = ['sfdisk', 'mkfs.vfat', 'fsck.vfat', 'mcopy', 'mdir', 'mtype', 'mkfs.erofs', 'fsck.erofs', 'dump.erofs']

/** What the stages before would have left, as little of it as these need. `order`: files are made first to last, or the other way. */
async function leavings(t: ExecutionContext, architecture: Architecture, order: 1 | -1): Promise<Recipe> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-assembly-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const recipe: Recipe = {
    ...{ folder, machine: machines[architecture], cache: folder, flotillaDeb: '', pinned: undefined },
    ...{ assets: programAssets(), epoch: 1_700_000_000 },
  }
  const { root, parts } = placesOf(recipe)
  const loader = architecture === 'amd64' ? 'systemd-bootx64.efi' : 'systemd-bootaa64.efi'
  const firmware =
    'bootcode.bin start.elf fixup.dat start_cd.elf fixup_cd.dat start4.elf fixup4.dat start4cd.elf fixup4cd.dat'
  const trees = ['bcm2711-rpi-4-b.dtb', 'bcm2712-d-rpi-5-b.dtb', 'bcm2837-rpi-3-b.dtb']
  const paths = [
    ...['a', 'b', 'c', 'deep/er/file', 'z'].map(name => join(root, 'etc', name)),
    join(parts, 'usr/lib/modules/1.2.3/vmlinuz'),
    ...trees.map(name => join(parts, 'usr/lib/modules/1.2.3/dtb/broadcom', name)),
    join(parts, 'usr/lib/systemd/boot/efi', loader),
    ...firmware.split(' ').map(name => join(parts, 'usr/lib/raspi-firmware', name)),
    initrdOf(recipe),
  ]
  for (const path of order === 1 ? paths : paths.toReversed()) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, `content of ${path.slice(folder.length)}\n`.repeat(200))
  }
  await chmod(join(root, 'etc/a'), 0o640)
  await utimes(join(root, 'etc/b'), 1_600_000_000, 1_600_000_000)
  return recipe
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

test('the same files make the same disk, whenever and in whatever order they came to be', async t => {
  if (!canUse(t, tools, true)) return
  const sums = []
  for (const order of [1, -1] as const) {
    const recipe = await leavings(t, 'arm64', order)
    await boot.run(recipe)
    await disk.run(recipe)
    sums.push(await sha256(placesOf(recipe).diskImage))
  }
  t.is(sums[0], sums[1])
})

for (const [architecture, type] of [
  ['amd64', 'ef'],
  ['arm64', 'c'],
] as const)
  test(`a disk for ${architecture} has the partitions and file systems that tools find sound`, async t => {
    if (!canUse(t, tools, true)) return
    const recipe = await leavings(t, architecture, 1)
    await boot.run(recipe)
    await disk.run(recipe)
    const { diskImage, bootImage, rootImage } = placesOf(recipe)
    const { partitiontable } = JSON.parse(await run('sfdisk', '--json', diskImage))
    t.like(partitiontable, { label: 'dos', id: '0xf1077a11', partitions: [{ type, bootable: true }, { type: '83' }] })
    t.regex(await run('fsck.vfat', '-n', bootImage), /\d+ files/)
    // All that is compressed in it can be had again.
    await t.notThrowsAsync(execute('fsck.erofs', ['--extract', rootImage]))
    // Each is in the disk where the table says.
    const [first, second] = partitiontable.partitions as Array<{ start: number }>
    t.regex(await run('mdir', '-i', `${diskImage}@@${first!.start * 512}`, '-b', '::a'), /::\/a\/vmlinuz/)
    const root = `${diskImage}.root`
    await run(
      'dd',
      `if=${diskImage}`,
      `of=${root}`,
      'bs=1M',
      `skip=${second!.start / 2048}`,
      'conv=sparse',
      'status=none',
    )
    t.regex(await run('dump.erofs', '--path=/etc/a', root), /Size: 4600 [\s\S]*Uid: 0 +Gid: 0 +Access: 0640/)
    t.deepEqual(await run('dump.erofs', '-s', root), await run('dump.erofs', '-s', rootImage))
  })

test('firmware and loaders are told to start the first system with the root of this disk', async t => {
  if (!canUse(t, tools, true)) return
  const recipe = await leavings(t, 'arm64', 1)
  await boot.run(recipe)
  const read = (path: string): Promise<string> => run('mtype', '-i', placesOf(recipe).bootImage, `::${path}`)
  const config = await read('config.txt')
  for (const line of ['os_prefix=a/', 'kernel=vmlinuz', 'initramfs initrd followkernel', 'arm_64bit=1'])
    t.true(config.split(/\r?\n/).includes(line), line)
  for (const path of ['a/cmdline.txt', 'loader/entries/a.conf'])
    t.regex(await read(path), /\broot=PARTUUID=f1077a11-02 ro\b/)
  t.regex(await read('a/cmdline.txt'), /\bcgroup_enable=memory\b/)
  t.like(JSON.parse(await read('flotilla/image.json')), { architecture: 'arm64' })
  // The name that the firmware of a newer Pi 5 looks for.
  t.is(
    await read('a/bcm2712d0-rpi-5-b.dtb'),
    await readFile(join(placesOf(recipe).boot, 'a/bcm2712-d-rpi-5-b.dtb'), 'utf8'),
  )
})
