/** What a boot loader would take from a card: kernel, initrd, device tree and command line, read as systemd-boot or a Pi's firmware reads them. */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { MachineKind } from './machines.ts'
import type { DirectKernel } from './qemu.ts'

export interface BootPartition {
  /** As mtools wants it: the card, and where on it the FAT begins. */
  image: string
  /** In bytes. */
  start: number
  length: number
}

const sectorBytes = 512

/** In their order, in bytes; `type` as the MBR has it. */
export function readPartitions(card: string): Array<{ start: number; length: number; type: string }> {
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
  const { partitiontable } = JSON.parse(execFileSync('sfdisk', ['--json', card], { encoding: 'utf8', env })) as {
    partitiontable: { partitions: Array<{ start: number; size: number; type: string }> }
  }
  const toBytes = ({ start, size, type }: { start: number; size: number; type: string }) => ({
    start: start * sectorBytes,
    length: size * sectorBytes,
    type,
  })
  return partitiontable.partitions.map(toBytes)
}

/** Of the first partition, which is the FAT on every card that we know. */
export function bootPartition(card: string): BootPartition {
  const { start, length } = readPartitions(card)[0]!
  return { image: `${card}@@${start}`, start, length }
}

/** Whether a text is anywhere on the FAT, also where a deleted file was. */
export function isAnywhere(card: string, text: string): boolean {
  const { start, length } = bootPartition(card)
  const file = openSync(card, 'r')
  try {
    const bytes = Buffer.alloc(length)
    readSync(file, bytes, 0, length, start)
    return bytes.includes(text)
  } finally {
    closeSync(file)
  }
}

/** Text of a file on the FAT; undefined when there is none. */
export function readBootFile({ image }: BootPartition, path: string): string | undefined {
  try {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore']
    return execFileSync('mtype', ['-i', image, `::/${path}`], { encoding: 'utf8', stdio })
  } catch (error) {
    // mtools ends with 1 for a file that is not there, and for a FAT that it cannot read: then listing fails as well.
    if ((error as { status?: number }).status !== 1) throw error
    return undefined
  }
}

export function listBootFolder({ image }: BootPartition, folder: string): string[] {
  const output = execFileSync('mdir', ['-b', '-i', image, `::/${folder}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return output
    .split('\n')
    .filter(Boolean)
    .map(path => path.replace('::/', ''))
}

/** Copies them into `directory`. */
export function takeBootFiles(card: string, kind: MachineKind, directory: string): DirectKernel {
  const partition = bootPartition(card)
  mkdirSync(directory, { recursive: true })
  const take = (path: string): string => {
    const target = join(directory, basename(path))
    execFileSync('mcopy', ['-n', '-o', '-i', partition.image, `::/${path}`, target])
    return target
  }
  const { linux, initrd, options, folder } = kind.deviceTree === undefined ? readEntry(partition) : readPi(partition)
  const dtb = kind.deviceTree === undefined ? {} : { dtb: take(`${folder}${kind.deviceTree}`) }
  const commandLine = `${options} ${kind.commandLine ?? ''} ${consoleOf(kind)}`.trim()
  return { kernel: take(linux), initrd: take(initrd), ...dtb, commandLine }
}

interface Entry {
  linux: string
  initrd: string
  options: string
  folder: string
}

/** The first of systemd-boot's entries (uapi-group.org, Boot Loader Specification, type 1). */
function readEntry(partition: BootPartition): Entry {
  const [name] = listBootFolder(partition, 'loader/entries')
    .filter(path => path.endsWith('.conf'))
    .sort()
  if (name === undefined) throw new Error('the card has no entry in loader/entries')
  const text = readBootFile(partition, name) ?? ''
  const value = (key: string): string => new RegExp(`^${key}\\s+(.*)$`, 'm').exec(text)?.[1]?.trim() ?? ''
  const path = (key: string): string => value(key).replace(/^\//, '')
  return { linux: path('linux'), initrd: path('initrd'), options: value('options'), folder: '' }
}

/** config.txt as the firmware of a Pi 3 reads it: os_prefix, kernel, initramfs; cmdline.txt below the prefix. */
function readPi(partition: BootPartition): Entry {
  const lines = linesFor(readBootFile(partition, 'config.txt') ?? '', ['all', 'pi3'])
  const value = (key: string): string | undefined =>
    lines
      .filter(line => line.startsWith(`${key}=`))
      .at(-1)
      ?.slice(key.length + 1)
  const folder = value('os_prefix') ?? ''
  const initramfs = lines
    .filter(line => line.startsWith('initramfs '))
    .at(-1)
    ?.split(/\s+/)[1]
  const options = readBootFile(partition, `${folder}${value('cmdline') ?? 'cmdline.txt'}`)
  if (initramfs === undefined || options === undefined)
    throw new Error('config.txt names no initramfs, or there is no cmdline.txt')
  return {
    linux: `${folder}${value('kernel') ?? 'kernel8.img'}`,
    initrd: `${folder}${initramfs}`,
    options: options.trim(),
    folder,
  }
}

/** Those outside sections, and those in the sections of this board. */
function linesFor(config: string, sections: string[]): string[] {
  const lines: string[] = []
  let applies = true
  for (const line of config.split('\n').map(text => text.trim())) {
    const section = /^\[(.*)\]$/.exec(line)?.[1]
    if (section !== undefined) applies = sections.includes(section)
    else if (applies && line !== '' && !line.startsWith('#')) lines.push(line)
  }
  return lines
}

/** The last console is the one that init speaks on. The journal goes there too: it is all there is to see when a board does not come up. */
function consoleOf({ architecture, hardware }: MachineKind): string {
  const name = architecture === 'amd64' ? 'ttyS0' : hardware.consoleUart === 1 ? 'ttyS1' : 'ttyAMA0'
  return `console=${name},115200 systemd.journald.forward_to_console=1`
}
