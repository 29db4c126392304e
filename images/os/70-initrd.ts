/** The first program of a board and the drivers it needs until the card is mounted: ours, since it does a few things only. */
import { globSync } from 'node:fs'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../run.ts'
import { findKernel } from './60-kernel.ts'
import { type InitrdEntry, renderCpio } from './cpio.ts'
import { copyModules, indexModules, selectModules } from './modules.ts'
import { placesOf, type Recipe, type Stage } from './recipe.ts'

/** What init and card.sh call. */
const applets =
  'cat chroot cp cut dd echo env find head mkdir modprobe mount mv od printf reboot rm sed sh sleep sort switch_root sync tail tr umount wc'.split(
    ' ',
  )

/** Modules to load by name, for file systems: nothing plugged in asks for them. Names as the kernel has them. */
// ext4 asks the kernel for its checksum by name, and nothing says so but a soft dependency, which busybox passes over.
const fileSystems = [
  'crc32c_generic',
  'erofs',
  'ext4',
  'overlay',
  'vfat',
  'nls_cp437',
  'nls_ascii',
  'nls_iso8859_1',
  'nls_utf8',
]
/** Buses and disks that nothing announces. */
const unannounced = ['virtio_mmio', 'virtio_blk', 'virtio_pci', 'sd_mod']

/** Below kernel/: all on the way to a card, a stick or a disk. Loaded when a device asks. */
const drivers = [
  'drivers/{mmc,virtio,nvme/host,usb/storage,usb/common,usb/core,usb/dwc2,usb/dwc3,usb/host,usb/chipidea,usb/musb}/**/*',
  'drivers/block/virtio_blk*',
  'drivers/scsi/{scsi_mod,scsi_common,sd_mod,virtio_scsi,hv_storvsc}.*',
  'drivers/ata/*',
  'drivers/{phy,reset,mailbox,regulator,pinctrl,pci/controller}/**/*',
  'drivers/clk/{!(qcom|mediatek)/**/*,*}',
  'drivers/{gpio,mfd,bus,nvmem,dma}/{*bcm*,*rp1*,*brcm*,*sun*,*rockchip*,*rk8*,*axp*,*meson*}',
  'drivers/misc/rp1*/**/*',
  // What switches the power of a card on many boards hangs on these.
  'drivers/irqchip/*',
  'drivers/i2c/busses/i2c-{rk3x,mv64xxx,imx,meson}*',
  'drivers/usb/misc/onboard*',
  'drivers/usb/typec/**/*',
  'drivers/{soc,pmdomain,firmware}/{bcm,rockchip,sunxi,amlogic,imx}/**/*',
]

export const initrd: Stage = {
  name: '70-initrd',
  what: 'the first program, and drivers to find the card',
  async run(recipe) {
    const { root } = placesOf(recipe)
    const folder = join(import.meta.dirname, 'initrd')
    const read = async (path: string): Promise<Buffer> => readFile(path)
    const scripts: InitrdEntry[] = [
      { path: 'init', mode: 0o755, content: await read(join(folder, 'init')) },
      { path: 'card.sh', mode: 0o644, content: await read(join(folder, 'card.sh')) },
      { path: 'bin/busybox', mode: 0o755, content: await read(join(root, 'usr/bin/busybox')) },
    ]
    const links = applets.map(applet => ({ path: `bin/${applet}`, symlink: 'busybox' }))
    const folders = ['dev', 'proc', 'sys', 'run', 'root'].map(path => ({ path, directory: true as const }))
    const modules = await moduleEntries(recipe)
    // Some are built into one kernel and modules of another.
    const isModule = (name: string): boolean => modules.some(({ path }) => nameOf(path) === name)
    const byName = [...fileSystems, ...unannounced].filter(isModule).map(name => `${name}\n`)
    const list = { path: 'modules', mode: 0o644, content: Buffer.from(byName.join('')) }
    const cpio = renderCpio([...scripts, list, ...links, ...folders, ...modules])
    const path = initrdOf(recipe)
    await writeFile(`${path}.cpio`, cpio)
    await run('zstd', ['-q', '-f', '-T0', '-12', `${path}.cpio`, '-o', path])
    return `${modules.length} files of drivers, ${Math.round((await stat(path)).size / 1e5) / 10} MB`
  },
}

export function initrdOf(recipe: Recipe): string {
  return join(recipe.folder, 'initrd')
}

/** Uncompressed: busybox loads them faster, and all of them compress better together. */
async function moduleEntries(recipe: Recipe): Promise<InitrdEntry[]> {
  const { root } = placesOf(recipe)
  const { version } = findKernel(recipe)
  const from = join(root, 'usr/lib/modules', version)
  const needs = await indexModules(root, version)
  const wanted = new Set(drivers.flatMap(glob => globSync(glob, { cwd: join(from, 'kernel') })))
  const named = new Set([...fileSystems, ...unannounced])
  const isNamed = (path: string): boolean => named.has(nameOf(path))
  const selected = selectModules(needs, path => isNamed(path) || wanted.has(path.slice('kernel/'.length)))
  const base = join(recipe.folder, 'initrd-modules')
  const to = join(base, 'usr/lib/modules', version)
  await rm(base, { recursive: true, force: true })
  await copyModules(selected, from, to)
  await run('xargs', ['-0', '-r', 'xz', '--decompress'], {
    input: globSync('**/*.ko.xz', { cwd: to })
      .map(path => `${join(to, path)}\0`)
      .join(''),
  })
  await indexModules(base, version)
  // busybox reads the lists as text; the others are kmod's own.
  const files = globSync('{kernel/**/*.ko,modules.{dep,alias,symbols,builtin,softdep}}', { cwd: to })
  return Promise.all(
    files.map(async path => ({
      path: `lib/modules/${version}/${path}`,
      mode: 0o644,
      content: await readFile(join(to, path)),
    })),
  )
}

/** `kernel/fs/ext4/ext4.ko.xz` → `ext4`. */
function nameOf(path: string): string {
  const file = path.slice(path.lastIndexOf('/') + 1)
  return file.replace(/\.ko.*/, '').replaceAll('-', '_')
}
