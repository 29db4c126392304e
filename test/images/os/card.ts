/** A card on a loop device, and the start of a board from it: only what the initrd does with the card. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'
import { canUseLoops, run } from '../../cli/flash/disk/loop-device.ts'

const execute = promisify(execFile)
const mib = 2 ** 20
const cardScript = join(import.meta.dirname, '../../../images/os/initrd/card.sh')

/** As images are laid out, but small: boot 16 MiB, root 32 MiB. Data begins at 84 MiB on a grown card. */
export const layout = { boot: 16, root: 32, data: 84 }
export const enoughMiB = 400
const table = `label: dos
label-id: 0xf1077a11
start=8192, size=${layout.boot * 2048}, type=c, bootable
start=${8192 + layout.boot * 2048}, size=${layout.root * 2048}, type=83
`

export function canStartCards(t: ExecutionContext): boolean {
  return canUseLoops(t, ['busybox', 'unshare', 'sfdisk', 'partx', 'mkfs.ext4', 'e2fsck', 'fsck.vfat', 'debugfs'])
}

/** A card as flash leaves it, behind the image whatever was there before. */
export async function writeCard(path: string, sizeMiB = enoughMiB): Promise<string> {
  await writeFile(path, '')
  await truncate(path, sizeMiB * mib)
  await pipe(['sfdisk', '--quiet', path], table)
  return path
}

export interface Start {
  /** What the board has to complain of; empty when all is well. */
  problem: string
  said: string[]
  /** Types of what is mounted there. */
  var: string
  etc: string
  machineId: string
  /** Below /var: path → content. */
  files: Record<string, string>
}

export interface StartOptions {
  /** Of the system: `1` ships a file less than `2`. */
  system?: string
  /** Where to put a copy of the disk before each step. */
  snapshots?: string
  /** For files below /var/lib and /etc, as if the system wrote them. */
  write?: string
  /** Two disks have the image. */
  hasTwin?: boolean
}

/** One start of a board. Nothing is left of it but what is on the card. */
export async function startCard(image: string, options: StartOptions = {}): Promise<Start> {
  const folder = await mkdtemp(`${image}.start-`)
  const loop = (await run('losetup', '--show', '--find', image)).trim()
  try {
    await writeSystem(folder, options.system ?? '1')
    const shell = ['busybox', 'sh', join(import.meta.dirname, 'start-card.sh')]
    const words = [...shell, folder, cardScript, image, loop, ...(options.snapshots ? [options.snapshots] : [])]
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', WRITE: options.write ?? '', TWINS: options.hasTwin ? '1' : '' }
    const { stdout } = await execute('unshare', ['--mount', '--propagation', 'private', ...words], {
      env,
      timeout: 60_000,
    })
    return readStart(stdout)
  } finally {
    await run('partx', '--delete', loop).catch(() => undefined)
    await run('losetup', '--detach', loop)
    await rm(folder, { recursive: true, force: true })
  }
}

async function writeSystem(folder: string, version: string): Promise<void> {
  const root = join(folder, 'root-files')
  await mkdir(join(root, 'var/lib/shipped'), { recursive: true })
  await mkdir(join(root, 'etc'), { recursive: true })
  await writeFile(join(root, 'os-release'), `IMAGE_VERSION="${version}"\n`)
  await writeFile(join(root, 'var/lib/shipped/one'), `of ${version}\n`)
  if (version !== '1') await writeFile(join(root, 'var/lib/shipped/two'), `of ${version}\n`)
  await writeFile(join(root, 'etc/machine-id'), '')
}

function readStart(text: string): Start {
  const lines = text
    .trim()
    .split('\n')
    .map(line => /^(\S+) ?(.*)$/.exec(line) ?? [])
  const all = (name: string): string[] => lines.filter(([, key]) => key === name).map(([, , value = '']) => value)
  const one = (name: string): string => all(name)[0] ?? ''
  return {
    problem: one('problem'),
    said: all('said'),
    var: one('var'),
    etc: one('etc'),
    machineId: one('machine-id'),
    files: Object.fromEntries(all('file').map(line => line.split(/ (.*)/s).slice(0, 2))),
  }
}

/** `number: start size type` of each partition, in MiB. */
export async function readTable(image: string): Promise<string[]> {
  const { partitiontable } = JSON.parse(await run('sfdisk', '--json', image))
  const partitions = partitiontable.partitions as Array<{ start: number; size: number; type: string }>
  return partitions.map(({ start, size, type }, at) => `${at + 1}: ${start / 2048} ${size / 2048} ${type}`)
}

/** Of e2fsck on the data, without mending; rejects when there is something to mend. */
export function checkData(image: string): Promise<string> {
  return run('e2fsck', '-fn', `${image}?offset=${layout.data * mib}`)
}

export async function copyOf(image: string, name: string): Promise<string> {
  const copy = `${image}.${name}`
  await run('cp', '--sparse=auto', image, copy)
  return copy
}

async function pipe([program = '', ...args]: string[], input: string): Promise<void> {
  const running = execute(program, args, { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } })
  running.child.stdin?.end(input)
  await running
}
