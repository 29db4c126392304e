/** Reads what lsblk says about drives: the only place that knows its words. Pure. */
import { CodedError } from '../../../kit/errors.ts'
import { cleanLine } from '../../table.ts'
import type { Drive, DrivePart } from './drive.ts'

export const lsblkColumns = [
  ...['NAME', 'PATH', 'TYPE', 'SIZE', 'MODEL', 'VENDOR', 'SERIAL', 'TRAN', 'SUBSYSTEMS'],
  ...['RM', 'RO', 'MOUNTPOINTS', 'FSTYPE', 'LABEL', 'MAJ:MIN'],
]

/** Disks on these show as removable where the board's firmware calls their socket so, and are the machine's own all the same. */
const hotPluggable = /^(sata|ata|sas|nvme)$/

/** A row; without udev (in a container) much of it is null. */
interface Row {
  name: string
  path: string
  type: string
  size: number | string | null
  model: string | null
  vendor: string | null
  serial: string | null
  tran: string | null
  subsystems: string | null
  rm: boolean | string | null
  ro: boolean | string | null
  mountpoints: Array<string | null> | null
  fstype: string | null
  label: string | null
  'maj:min': string | null
  children?: Row[]
}

/** Rejects with `InternalError` when it is not what lsblk 2.37 and later say. */
export function parseDrives(json: string): Drive[] {
  const rows = readRows(json)
  const names = new Set(rows.map(({ name }) => name))
  return rows.filter(isDisk).map(row => readDrive(row, names))
}

function readRows(json: string): Row[] {
  try {
    const { blockdevices } = JSON.parse(json) as { blockdevices: Row[] }
    return blockdevices.filter(row => typeof row.path === 'string' && typeof row.name === 'string')
  } catch (error) {
    throw new CodedError(
      'InternalError',
      'cannot list drives: because lsblk (util-linux) said what we do not understand',
      {
        cause: error,
      },
    )
  }
}

/** No memory that plays disk, no CDs, no network disks, and no empty loop devices. */
function isDisk(row: Row): boolean {
  if (Number(row.size ?? 0) === 0 || /^(zram|ram|nbd|fd)\d/.test(row.name)) return false
  // An eMMC's boot partitions show as disks of their own.
  return row.type === 'loop' || (row.type === 'disk' && !/boot\d$/.test(row.name))
}

function readDrive(row: Row, names: ReadonlySet<string>): Drive {
  const attachment = attachmentOf(row, names)
  const all = flatten(row)
  return {
    path: row.path,
    name: row.name,
    sizeBytes: Number(row.size),
    model: [row.vendor, row.model].flatMap(word => textOf(word) ?? []).join(' '),
    serial: textOf(row.serial),
    attachment,
    removable: attachment === 'usb' || attachment === 'mmc' || (attachment === 'internal' && canLeave(row)),
    readOnly: isTrue(row.ro),
    parts: all.filter(part => part !== row || mountsOf(part).length > 0 || part.fstype !== null).map(readPart),
    devices: [...new Set(all.flatMap(part => part['maj:min']?.trim() ?? []))],
  }
}

function attachmentOf(row: Row, names: ReadonlySet<string>): Drive['attachment'] {
  const buses = (row.subsystems ?? '').split(':')
  if (row.type === 'loop') return 'loop'
  if (row.tran === 'usb' || buses.includes('usb')) return 'usb'
  if (row.tran === 'mmc' || buses.includes('mmc') || row.name.startsWith('mmcblk'))
    // Only soldered flash (eMMC) has boot partitions of its own; a card that fits into a slot has none.
    return names.has(`${row.name}boot0`) ? 'internal' : 'mmc'
  return 'internal'
}

function canLeave({ rm, tran }: Row): boolean {
  return isTrue(rm) && !hotPluggable.test(tran ?? '')
}

/** With all below it; what lies over two partitions (RAID) comes twice from lsblk, and once from here. */
function flatten(row: Row): Row[] {
  const below = (row.children ?? []).flatMap(flatten)
  const seen = new Set<string>()
  return [row, ...below].filter(({ path }) => !seen.has(path) && seen.add(path))
}

function readPart(row: Row): DrivePart {
  return {
    path: row.path,
    type: row.type,
    sizeBytes: Number(row.size ?? 0),
    fileSystem: row.fstype ?? undefined,
    label: textOf(row.label),
    mounts: mountsOf(row),
  }
}

/** Whoever formats a card names it: nothing in it may command the terminal of who looks at it. */
function textOf(word: string | null): string | undefined {
  return cleanLine(word ?? '').trim() || undefined
}

function mountsOf(row: Row): string[] {
  return (row.mountpoints ?? []).flatMap(mount => mount ?? [])
}

/** Old versions say "1" for true. */
function isTrue(value: boolean | string | null): boolean {
  return value === true || value === '1'
}
