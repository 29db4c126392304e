/** Takes a drive's file systems out of use, so that it can be written. */
import { CodedError, messageOf } from '../../../kit/errors.ts'
import type { Drive } from './drive.ts'
import { findDrive } from './drives.ts'
import { isForVisitors, mountsOf } from './refusals.ts'
import { runTool } from './run-tool.ts'

/**
 * As it is now: while somebody was asked, a desktop may have mounted it. Rejects with `Conflict` when it is another drive by
 * now, or a program still uses it. What could be unmounted stays unmounted.
 */
export async function unmountDrive(drive: Drive): Promise<void> {
  const now = await findDrive(drive.path)
  if (now.sizeBytes !== drive.sizeBytes || now.serial !== drive.serial || layoutOf(now) !== layoutOf(drive))
    throw failed(drive, 'it is another drive than a moment ago: start again')
  const known = new Set(mountsOf(drive))
  const surprise = mountsOf(now).find(mount => !known.has(mount) && !isForVisitors(mount))
  if (surprise !== undefined) throw failed(drive, `somebody has just mounted it at ${surprise}: start again`)
  for (const mount of mountsOf(now)) await unmount(drive, mount)
}

/** The serial number of a card in a reader is the reader's: another card of its size shows by its partitions. */
function layoutOf({ parts }: Drive): string {
  const rows = parts.filter(({ type }) => type === 'part').map(({ path, sizeBytes }) => `${path} ${sizeBytes}`)
  return rows.sort().join()
}

async function unmount(drive: Drive, mount: string): Promise<void> {
  try {
    await runTool(['umount', '--', mount])
  } catch (error) {
    const why = `${mount} is mounted and cannot be unmounted (${messageOf(error)})`
    if (process.getuid?.() !== 0)
      throw new CodedError('Forbidden', `cannot write to ${drive.path}: because ${why}: try sudo`, { cause: error })
    throw failed(drive, `${why}: close what uses it (fuser -vm ${mount} names it) and try again`, error)
  }
}

function failed({ path }: Drive, why: string, cause?: unknown): CodedError {
  return new CodedError('Conflict', `cannot write to ${path}: because ${why}`, { cause })
}
