/** Small images with the boot partitions that real ones have, made by sfdisk and mtools. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'

const exec = promisify(execFile)
const mib = 1024 * 1024

export interface StockOptions {
  /** On the boot partition. */
  files: Record<string, string>
  /** Default 34: a FAT32 is no smaller. */
  bootMiB?: number
  table?: 'dos' | 'gpt'
  label?: string
}

/** Where the boot partition begins. */
export const bootOffset = 4 * mib

/** Resolves to the image's path, in a folder that goes with the test. */
export async function makeStockImage(t: ExecutionContext, options: StockOptions): Promise<string> {
  const { files, bootMiB = 34, table = 'dos', label = 'bootfs' } = options
  const folder = await temporaryFolder(t)
  const [image, fat] = [join(folder, 'stock.img'), join(folder, 'fat')]
  await truncate(fat, bootMiB * mib)
  await tool('mkfs.vfat', '-F', '32', '-s', '1', '-n', label, fat)
  const content = join(folder, 'content')
  await mkdir(content)
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(content, path)), { recursive: true })
    await writeFile(join(content, path), text)
  }
  const top = [...new Set(Object.keys(files).map(path => join(content, path.split('/')[0]!)))]
  if (top.length > 0) await tool('mcopy', '-s', '-i', fat, ...top, '::/')
  await truncate(image, bootOffset + (bootMiB + 8) * mib)
  await partition(image, { bootMiB, table })
  await tool(
    'dd',
    `if=${fat}`,
    `of=${image}`,
    'bs=1M',
    `seek=${bootOffset / mib}`,
    'conv=notrunc,sparse',
    'status=none',
  )
  // What is behind it must come through unchanged.
  const file = await open(image, 'r+')
  await file.write(Buffer.alloc(mib, 'root'), 0, mib, bootOffset + bootMiB * mib)
  await file.close()
  await rm(fat)
  return image
}

async function partition(image: string, { bootMiB, table }: { bootMiB: number; table: 'dos' | 'gpt' }): Promise<void> {
  const sectors = (bytes: number): number => bytes / 512
  const [fatType, linuxType] = table === 'dos' ? ['c', '83'] : ['U', 'L']
  const lines = [
    `label: ${table}`,
    `start=${sectors(bootOffset)}, size=${sectors(bootMiB * mib)}, type=${fatType}`,
    `start=${sectors(bootOffset + bootMiB * mib)}, size=${sectors(4 * mib)}, type=${linuxType}`,
  ]
  const child = exec('sfdisk', ['-q', image])
  child.child.stdin?.end(`${lines.join('\n')}\n`)
  await child
}

async function truncate(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w')
  await file.truncate(bytes)
  await file.close()
}

export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-flash-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function tool(name: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, MTOOLS_SKIP_CHECK: '1' }
  return (await exec(name, args, { env, maxBuffer: 64 * mib })).stdout
}

/** As mtools reads them: not by the library that wrote them. Undefined when it is not there. */
export async function readBoot(image: string, path: string, offset = bootOffset): Promise<string | undefined> {
  return tool('mtype', '-i', `${image}@@${offset}`, `::/${path}`).catch(() => undefined)
}

/** Rejects when the file system of the boot partition is not sound. */
export async function checkBoot(image: string, bootMiB = 34): Promise<void> {
  const fat = `${image}.fat`
  await tool('dd', `if=${image}`, `of=${fat}`, 'bs=1M', `skip=${bootOffset / mib}`, `count=${bootMiB}`, 'status=none')
  try {
    await tool('fsck.vfat', '-n', fat)
  } finally {
    await rm(fat)
  }
}

const pi = {
  'config.txt': '# For more options and information see\n[all]\narm_64bit=1\n',
  'cmdline.txt':
    'console=serial0,115200 console=tty1 root=PARTUUID=8a676486-02 rootfstype=ext4 fsck.repair=yes rootwait quiet init=/usr/lib/raspberrypi-sys-mods/firstboot\n',
  'kernel8.img': 'kernel',
  'start4.elf': 'firmware',
  'bootcode.bin': 'firmware',
}

export const stockFiles = {
  /** Raspberry Pi OS bookworm, 64 bits. */
  bookworm: {
    ...pi,
    'issue.txt':
      'Raspberry Pi reference 2025-05-13\nGenerated using pi-gen, https://github.com/RPi-Distro/pi-gen, abc, stage2\n',
  },
  bookworm32: { ...pi, 'kernel7.img': 'kernel', 'issue.txt': 'Raspberry Pi reference 2025-05-13\n' },
  trixie: {
    ...pi,
    'issue.txt': 'Raspberry Pi reference 2025-12-04\n',
    'user-data': '#cloud-config\n',
    'network-config': '# nothing\n',
    'meta-data': 'instance_id: rpios-image\n',
  },
  /** Debian's cloud image: EFI, and no settings on the FAT. */
  debianCloud: { 'EFI/BOOT/BOOTX64.EFI': 'loader', 'EFI/debian/grub.cfg': 'search' },
  own: {
    ...pi,
    'flotilla/image.json': '{"version":"0.1.0","architecture":"arm64"}',
    'config.txt': 'os_prefix=a/\n',
    'a/cmdline.txt': 'root=LABEL=root-a ro\n',
    'EFI/BOOT/BOOTAA64.EFI': 'loader',
    'loader/entries/a.conf': 'title Flotilla\nlinux /a/vmlinuz\noptions root=LABEL=root-a ro\n',
  },
  ownAmd64: {
    'flotilla/image.json': '{"version":"0.1.0","architecture":"amd64"}',
    'EFI/BOOT/BOOTX64.EFI': 'loader',
    'loader/entries/a.conf': 'title Flotilla\nlinux /a/vmlinuz\noptions root=LABEL=root-a ro\n',
  },
} satisfies Record<string, Record<string, string>>
