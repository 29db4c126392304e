/** How a drive is told to whoever must recognise it before it is erased. */
import type { Drive, DrivePart } from './disk/drive.ts'
import { formatSize } from './disk/format-size.ts'
import { warningsOf } from './disk/refusals.ts'

const attachments: Record<Drive['attachment'], string> = {
  usb: 'USB',
  mmc: 'SD card',
  loop: 'a file as a loop device',
  internal: 'built in',
}

/** One line: `/dev/sdb  31.9 GB  SanDisk Ultra  USB  bootfs, rootfs`. */
export function describeDrive(drive: Drive): string {
  const { path, sizeBytes, model, attachment } = drive
  const labels = drive.parts.flatMap(({ label, fileSystem }) => label ?? fileSystem ?? [])
  const content = labels.length === 0 ? 'empty' : `with ${labels.join(', ')}`
  return [path.padEnd(12), formatSize(sizeBytes).padStart(8), model, attachments[attachment], content]
    .filter(part => part !== '')
    .join('  ')
}

/** The drive, what is to be looked at twice, then a line for each of its parts. */
export function driveLines(drive: Drive): string[] {
  const { path, sizeBytes, model, serial, attachment, parts } = drive
  const maker = [model, serial === undefined ? '' : `(${serial})`].filter(part => part !== '').join(' ')
  const head = [path, formatSize(sizeBytes), maker, attachments[attachment]].filter(part => part !== '').join('  ')
  const shown = parts.filter(part => part.path !== path || part.fileSystem !== undefined)
  const warnings = warningsOf(drive).map(warning => `  LOOK TWICE: ${warning}`)
  return [head, ...warnings, ...(shown.length === 0 ? ['  no partitions'] : shown.map(partLine))]
}

function partLine({ path, sizeBytes, fileSystem, label, mounts }: DrivePart): string {
  const mounted = mounts.length === 0 ? '' : `mounted at ${mounts.join(', ')}`
  const words = [path, formatSize(sizeBytes), fileSystem ?? 'unknown', label === undefined ? '' : `"${label}"`, mounted]
  return `  ${words.filter(word => word !== '').join('  ')}`
}
