/** The boot partition: kernel and initrd of the first system, boot loaders, and who the card is for flash. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { cp, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type OwnImage, onBoot, partitions } from '../../contract/card/card-places.ts'
import { version } from '../../contract/version.ts'
import { amendBoot } from '../../firmware-config/amend-boot.ts'
import { loadProfile } from '../../firmware-config/load-profile.ts'
import { run } from '../run.ts'
import { findKernel } from './60-kernel.ts'
import { initrdOf } from './70-initrd.ts'
import { bootSectors, bootStart, diskSignature, sectorBytes } from './layout.ts'
import { placesOf, type Recipe, type Stage } from './recipe.ts'

/** Pi 3 and 4 start from these (the Pi 5 has its own in flash); `_cd` is the short one, which `gpu_mem=16` asks for. */
const piFirmware = [
  'bootcode.bin',
  'start.elf',
  'fixup.dat',
  'start_cd.elf',
  'fixup_cd.dat',
  'start4.elf',
  'fixup4.dat',
  'start4cd.elf',
  'fixup4cd.dat',
]
/** Firmware's other name for a board's device tree → Linux' name of it, where they differ even with `upstream_kernel`. */
const renamedTrees = { 'bcm2712d0-rpi-5-b.dtb': 'bcm2712-d-rpi-5-b.dtb' }

/** The two systems that a card has room for; an image holds the first. */
const slot = { name: 'a', partition: 2 }
const rootWord = `root=PARTUUID=${diskSignature}-0${slot.partition}`

export const boot: Stage = {
  name: '80-boot',
  what: 'the boot partition',
  async run(recipe) {
    const { boot: folder, bootImage } = placesOf(recipe)
    await rm(folder, { recursive: true, force: true })
    await mkdir(join(folder, slot.name), { recursive: true })
    await cp(findKernel(recipe).image, join(folder, slot.name, 'vmlinuz'))
    await cp(initrdOf(recipe), join(folder, slot.name, 'initrd'))
    await writeLoader(recipe, folder)
    if (recipe.machine.boards.some(name => loadProfile(recipe.assets, name).firmware === 'raspberry-pi'))
      await writeRaspberryPi(recipe, folder)
    await amend(recipe, folder)
    const image: OwnImage = { version, architecture: recipe.machine.architecture }
    await put(folder, onBoot.image, `${JSON.stringify(image)}\n`)
    await makeFat(recipe, folder, bootImage)
    return `${Math.round(Number((await run('du', ['-sb', folder])).split('\t')[0]) / 1e6)} MB of ${(bootSectors * sectorBytes) >> 20} MiB`
  },
}

/** systemd-boot: loader.conf(5) and the entries of the Boot Loader Specification. */
async function writeLoader({ machine, ...recipe }: Recipe, folder: string): Promise<void> {
  const { parts } = placesOf({ machine, ...recipe })
  await put(folder, machine.loader.to, await readFile(join(parts, 'usr/lib/systemd/boot/efi', machine.loader.from)))
  // Nobody sits before a board; whoever does holds a key down and gets the menu.
  await put(folder, 'loader/loader.conf', `default ${slot.name}.conf\ntimeout 0\nconsole-mode keep\neditor yes\n`)
  const lines = [
    `title Flotilla ${version} (${slot.name})`,
    `linux /${slot.name}/vmlinuz`,
    `initrd /${slot.name}/initrd`,
    // The last console is where the system's own messages go; the firmware of a PC knows no better than the screen.
    `options ${rootWord} ro rootwait`,
  ]
  await put(folder, `loader/entries/${slot.name}.conf`, `${lines.join('\n')}\n`)
}

async function writeRaspberryPi(recipe: Recipe, folder: string): Promise<void> {
  const { parts } = placesOf(recipe)
  for (const name of piFirmware) await cp(join(parts, 'usr/lib/raspi-firmware', name), join(folder, name))
  const trees = join(findKernel(recipe).deviceTrees, 'broadcom')
  for (const name of globSync('bcm{2710,2711,2712,2837}*.dtb', { cwd: trees }))
    await cp(join(trees, name), join(folder, slot.name, name))
  for (const [to, from] of Object.entries(renamedTrees))
    if (existsSync(join(trees, from))) await cp(join(trees, from), join(folder, slot.name, to))
  // https://www.raspberrypi.com/documentation/computers/config_txt.html (os_prefix, upstream_kernel, initramfs)
  const lines = [
    '# Which system starts: a/ or b/, each with its kernel, device trees and cmdline.txt.',
    `os_prefix=${slot.name}/`,
    "# The kernel is Linux' own: device trees go by Linux' names.",
    'upstream_kernel=1',
    'kernel=vmlinuz',
    'initramfs initrd followkernel',
  ]
  await put(folder, 'config.txt', `${lines.join('\n')}\n`)
  await put(folder, `${slot.name}/cmdline.txt`, `${rootWord} ro rootwait\n`)
}

/** The settings of the boards; flash does the same again for the one board. */
async function amend({ assets, machine }: Recipe, folder: string): Promise<void> {
  for (const name of machine.boards) {
    const read = (path: string): string | undefined =>
      existsSync(join(folder, path)) ? readFileSync(join(folder, path), 'utf8') : undefined
    for (const { path, content } of amendBoot(assets, loadProfile(assets, name), { read }))
      await put(folder, path, content)
  }
}

async function put(folder: string, path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true })
  await writeFile(join(folder, path), content)
}

/** File by file in order: how mtools walks a folder depends on the disk it lies on. */
async function makeFat({ epoch }: Recipe, folder: string, image: string): Promise<void> {
  await rm(image, { force: true })
  await run('truncate', ['--size', String(bootSectors * sectorBytes), image])
  const format = ['-F', '32', '-n', partitions.boot.label, '-i', diskSignature, '--invariant', '-h', String(bootStart)]
  await run('mkfs.vfat', [...format, image])
  const env = { SOURCE_DATE_EPOCH: String(epoch), MTOOLS_SKIP_CHECK: '1' }
  const entries = globSync('**/*', { cwd: folder, withFileTypes: true })
  const pathOf = ({ parentPath, name }: (typeof entries)[number]): string =>
    join(parentPath, name).slice(folder.length + 1)
  for (const path of entries
    .filter(entry => entry.isDirectory())
    .map(pathOf)
    .sort())
    await run('mmd', ['-i', image, `::${path}`], { env })
  for (const path of entries
    .filter(entry => entry.isFile())
    .map(pathOf)
    .sort()) {
    await utimes(join(folder, path), epoch, epoch)
    await run('mcopy', ['-i', image, '-m', join(folder, path), `::${path}`], { env })
  }
}
