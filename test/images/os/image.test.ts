/** The images in dist/os, looked into by tools that are not ours. Nothing boots here: see test/boot. */
import { execFile } from 'node:child_process'
import { existsSync, lstatSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { architectures } from '../../../images/os/machines.ts'
import { canUse, run } from '../../cli/flash/disk/loop-device.ts'

const execute = promisify(execFile)
const dist = join(import.meta.dirname, '../../../dist/os')
const tools = ['zstd', 'sfdisk', 'fsck.vfat', 'mtype', 'mdir', 'fsck.erofs', 'dump.erofs', 'dpkg-query', 'systemctl']
const offsets = { boot: 4 * 2 ** 20, root: 260 * 2 ** 20 }

const folder = await mkdtemp(join(tmpdir(), 'flotilla-image-'))
test.after.always(() => rm(folder, { recursive: true, force: true }))

/** On the way to a card, a stick or a disk of the boards that there are profiles for, and QEMU's. */
const drivers = {
  amd64: ['ahci', 'nvme', 'sdhci-pci', 'sdhci-acpi', 'xhci-pci', 'usb-storage', 'uas', 'virtio_blk', 'sd_mod'],
  // sdhost and iproc: Pi 3 and Zero 2 W; brcmstb: Pi 4 and 5; mip and rp1: USB of the Pi 5. What switches the power of their cards hangs
  // on pins and regulators: without these a card is never found.
  arm64: [
    'bcm2835',
    'gpio-brcmstb',
    'gpio-regulator',
    'fixed',
    'pinctrl-brcmstb-bcm2712',
    'pinctrl-rp1',
    'clk-rp1',
    'reset-raspberrypi',
    'sdhci-iproc',
    'sdhci-brcmstb',
    'irq-bcm2712-mip',
    'rp1_pci',
    'dwc2',
    'xhci-pci',
    'uas',
    'virtio_blk',
    'nvme',
  ],
}

/** Of the Pis' wifi, and of wired chips of PCs. */
const firmware = {
  amd64: ['rtl_nic/rtl8168h-2.fw'],
  arm64: ['brcm/brcmfmac43430-sdio.bin', 'brcm/brcmfmac43455-sdio.bin', 'brcm/brcmfmac43456-sdio.bin'],
}
/** Packages of which some files are taken, and which dpkg on the board does not know. */
const licences = {
  amd64: ['systemd-boot-efi', 'firmware-realtek'],
  arm64: ['systemd-boot-efi', 'raspi-firmware', 'firmware-brcm80211'],
}
/** Of the boards that profiles promise our own image for, by the names that their firmware asks for (`upstream_kernel`). */
const trees = [
  ...['2837-rpi-3-b', '2837-rpi-3-b-plus', '2837-rpi-3-a-plus', '2837-rpi-cm3-io3', '2837-rpi-zero-2-w'],
  ...['2711-rpi-4-b', '2711-rpi-400', '2711-rpi-cm4-io', '2712-rpi-5-b', '2712d0-rpi-5-b'],
]

test.serial('the image for arm64 has a device tree of each Raspberry Pi that it is for', async t => {
  const image = await unpacked(t, 'arm64')
  if (!image) return
  const { stdout } = await execute('mdir', ['-b', '-i', `${image}@@${offsets.boot}`, '::a'], {
    env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
  })
  for (const tree of trees) t.true(stdout.includes(`/bcm${tree}.dtb`), tree)
})

for (const architecture of architectures) {
  test.serial(`the image for ${architecture} is sound, bootable, and small`, async t => {
    const image = await unpacked(t, architecture)
    if (!image) return
    const { partitiontable } = JSON.parse(await run('sfdisk', '--json', image))
    t.is(partitiontable.partitions.length, 2)
    const fat = `${image}.fat`
    await run('dd', `if=${image}`, `of=${fat}`, 'bs=1M', 'skip=4', 'count=256', 'conv=sparse', 'status=none')
    const clusters = /, (\d+)\/(\d+) clusters/.exec(await run('fsck.vfat', '-n', fat)) ?? []
    t.is(await bytesOf(image, 'a/vmlinuz', 0, 2), '4d5a')
    // A Pi's firmware starts an Image as it is, and none that only UEFI unpacks (Documentation/arch/arm64/booting.rst).
    if (architecture === 'arm64') t.is(await bytesOf(image, 'a/vmlinuz', 0x38, 4), Buffer.from('ARMd').toString('hex'))
    t.is(await bytesOf(image, 'a/initrd', 0, 4), '28b52ffd')
    t.like(JSON.parse(await readBoot(image, 'flotilla/image.json')), { architecture })
    const loader = architecture === 'amd64' ? 'BOOTX64.EFI' : 'BOOTAA64.EFI'
    t.is(await bytesOf(image, `EFI/BOOT/${loader}`, 0, 2), '4d5a')
    const usedMB = (256 * 2 ** 20 * (Number(clusters[1]) / Number(clusters[2])) + (await filesOf(image)).bytes) / 1e6
    t.true(usedMB < 350, `${usedMB} MB used`)
  })

  test.serial(`the initrd for ${architecture} has the way to every kind of card`, async t => {
    const image = await unpacked(t, architecture)
    if (!image) return
    const list = 'mtype -i "$0" ::a/initrd | zstd -dcq | busybox cpio -t 2>/dev/null'
    const { stdout } = await execute('sh', ['-c', list, `${image}@@${offsets.boot}`], { maxBuffer: 2 ** 24 })
    const files = stdout.trim().split('\n')
    for (const path of ['init', 'card.sh', 'bin/sh', 'bin/switch_root', 'modules', 'root'])
      t.true(files.includes(path), path)
    const names = files.map(path => path.slice(path.lastIndexOf('/') + 1))
    for (const driver of [...drivers[architecture], 'ext4', 'overlay', 'vfat'])
      t.true(names.includes(`${driver}.ko`), driver)
  })

  test.serial(`the image for ${architecture} has what a board needs, and nobody's secrets`, async t => {
    const image = await unpacked(t, architecture)
    if (!image) return
    const { root } = await filesOf(image)
    const has = (path: string): boolean => lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined
    const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8')
    for (const path of [
      'flotilla',
      'containerd',
      'ctr',
      'nft',
      'conntrack',
      'ip',
      'wpa_supplicant',
      'mkfs.ext4',
      'sfdisk',
      'fsck.vfat',
    ])
      t.true(has(`usr/bin/${path}`) || has(`usr/sbin/${path}`), path)
    for (const path of [
      '/usr/lib/cni/ptp',
      '/usr/lib/cni/host-local',
      '/usr/share/flotilla/images/pause.tar',
      '/boot/firmware',
    ])
      t.true(has(path), path)
    const keys = (await readdir(join(root, 'etc/ssh'))).filter(name => /^ssh_host_.*key/.test(name))
    t.deepEqual(keys, [], 'two boards would have one key')
    t.is(await read('etc/machine-id'), '')
    t.regex(await run('dump.erofs', '--path=/etc/shadow', `${image}.root`), /Uid: 0 +Gid: 42 +Access: 0640/)
    t.is(lstatSync(join(root, 'usr/bin/sudo')).mode & 0o7777, 0o4755)
    t.regex(await read('etc/passwd'), /^admin:x:1000:1000:.*:\/var\/home\/admin:\/bin\/bash$/m)
    t.regex(await read('usr/lib/os-release'), /^VARIANT_ID="flotilla"$/m)
    t.regex(await read('etc/ssl/certs/ca-certificates.crt'), /BEGIN CERTIFICATE/)
  })

  test.serial(
    `the image for ${architecture} has what the drivers of its boards load, and the licences of all that is in it`,
    async t => {
      const image = await unpacked(t, architecture)
      if (!image) return
      const { root } = await filesOf(image)
      const has = (path: string): boolean => lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined
      for (const name of firmware[architecture]) t.true(has(`usr/lib/firmware/${name}`), name)
      const kernel = await readdir(join(root, 'usr/lib/modules'))
      for (const name of [...licences[architecture], `linux-(image|base)-${kernel[0]}`]) {
        const found = (await readdir(join(root, 'usr/share/doc'))).filter(folder =>
          new RegExp(`^${name.replaceAll('+', '\\+')}$`).test(folder),
        )
        t.true(
          found.some(folder => has(`usr/share/doc/${folder}/copyright`)),
          name,
        )
      }
    },
  )

  test.serial(`dpkg knows what is in the image for ${architecture}, as its manifest says`, async t => {
    const image = await unpacked(t, architecture)
    if (!image) return
    const admin = join((await filesOf(image)).root, 'usr/lib/sysimage/dpkg')
    const fields = ['Package', 'Version', 'Architecture', 'db:Status-Status']
    const format = `${fields.map(field => `\${${field}}`).join(' ')}\n`
    const { stdout } = await execute('dpkg-query', ['--admindir', admin, '--show', `--showformat=${format}`])
    const known = stdout.trim().split('\n')
    t.true(known.length > 100)
    t.true(known.every(line => line.endsWith(' installed')))
    const manifest = (await readFile(join(dist, `flotilla-${architecture}.manifest`), 'utf8')).trim().split('\n')
    t.deepEqual(
      known.map(line => line.replace(/ installed$/, '')).filter(line => !manifest.includes(line)),
      [],
    )
    const owner = await execute('dpkg-query', ['--admindir', admin, '--search', '/usr/bin/containerd'])
    t.regex(owner.stdout, /^containerd(:arm64)?: /)
  })

  test.serial(`the units that a board for ${architecture} starts with are there and enabled`, async t => {
    const image = await unpacked(t, architecture)
    if (!image) return
    const { root } = await filesOf(image)
    const units = [
      'systemd-networkd',
      'systemd-resolved',
      'systemd-timesyncd',
      'containerd',
      'ssh',
      'flotilla-first-boot',
    ]
    for (const unit of units) t.is((await isEnabled(root, unit)).trim(), 'enabled', unit)
    for (const unit of ['flotilla-master', 'flotilla-agent'])
      t.not((await isEnabled(root, unit)).trim(), 'enabled', unit)
  })
}

/** Undefined where there is none to look into. */
async function unpacked(t: ExecutionContext, architecture: string): Promise<string | undefined> {
  if (!canUse(t, tools)) return
  const packed = join(dist, `flotilla-${architecture}.img.zst`)
  if (!existsSync(packed)) {
    if (process.env['CI']) t.fail(`there is no ${packed}`)
    else t.pass(`there is no ${packed}: ./build.sh images makes it`)
    return
  }
  const image = join(folder, `${architecture}.img`)
  if (!existsSync(image)) await run('zstd', '-q', '-d', '--sparse', packed, '-o', image)
  return image
}

function readBoot(image: string, path: string): Promise<string> {
  return run('mtype', '-i', `${image}@@${offsets.boot}`, `::${path}`)
}

/** By which programs know a file, hexadecimal. */
async function bytesOf(
  image: string,
  path: string,
  ...[offset, length]: [offset: number, length: number]
): Promise<string> {
  const env = { ...process.env, MTOOLS_SKIP_CHECK: '1' }
  const { stdout } = await execute('mtype', ['-i', `${image}@@${offsets.boot}`, `::${path}`], {
    ...{ env, encoding: 'buffer' as const, maxBuffer: 2 ** 27 },
  })
  return stdout.subarray(offset, offset + length).toString('hex')
}

/** The system, unpacked beside the image, and what it takes on the card. */
async function filesOf(image: string): Promise<{ root: string; bytes: number }> {
  const [packed, root] = [`${image}.root`, `${image}.files`]
  if (!existsSync(root)) {
    const part = [`skip=${offsets.root / 2 ** 20}`, 'bs=1M', 'conv=sparse', 'status=none']
    await run('dd', `if=${image}`, `of=${packed}`, ...part)
    // Reads, checks and unpacks every file.
    await run('fsck.erofs', `--extract=${root}`, '--no-preserve-owner', '--preserve-perms', packed)
  }
  const [, blocks] = /^Filesystem blocks: +(\d+)$/m.exec(await run('dump.erofs', '-s', packed)) ?? []
  return { root, bytes: Number(blocks) * 4096 }
}

async function isEnabled(root: string, unit: string): Promise<string> {
  try {
    return (await execute('systemctl', ['--root', root, 'is-enabled', `${unit}.service`])).stdout
  } catch (error) {
    // It ends badly for what is not enabled, and says so.
    return (error as { stdout?: string }).stdout ?? ''
  }
}
