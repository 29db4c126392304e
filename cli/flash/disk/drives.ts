/** The drives of this machine, as util-linux's lsblk sees them. */
import { realpath, stat } from 'node:fs/promises'
import { CodedError } from '../../../kit/errors.ts'
import type { Drive } from './drive.ts'
import { lsblkColumns, parseDrives } from './parse-drives.ts'
import { runTool } from './run-tool.ts'

/** All that has a size, in the system's order. Rejects with `NotFound` when there is no lsblk. */
export async function listDrives(): Promise<Drive[]> {
  return parseDrives(await runTool(['lsblk', '--json', '--bytes', '--output', lsblkColumns.join(',')]))
}

/**
 * The drive of that name, which may be a link (`/dev/disk/by-id/…`). Rejects with `NotFound` when there is none or no card
 * in it, with `Invalid` when the name is a partition's.
 */
export async function findDrive(path: string): Promise<Drive> {
  const device = await realpath(path).catch(() => path)
  const drives = await listDrives()
  const drive = drives.find(candidate => candidate.path === device)
  if (drive) return drive
  const whole = drives.find(({ parts }) => parts.some(part => part.path === device))
  if (whole)
    throw new CodedError(
      'Invalid',
      `cannot write to ${path}: because it is a part of ${whole.path}: name the whole drive`,
    )
  const isThere = await stat(device).then(
    found => found.isBlockDevice(),
    () => false,
  )
  const why = isThere ? 'there is no card in it, or it is no disk' : 'there is no such drive'
  throw new CodedError('NotFound', `cannot write to ${path}: because ${why}: \`lsblk\` lists what there is`)
}
