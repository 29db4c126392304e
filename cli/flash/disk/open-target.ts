/** Opens what somebody wants to flash to, and refuses what is neither a drive nor a file. */
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CodedError } from '../../../kit/errors.ts'
import { openDrive } from './drive-target.ts'
import { openFile } from './file-target.ts'
import type { Target } from './target.ts'

export type TargetKind = 'drive' | 'file' | 'new-file'

/** What a path is that somebody wants to flash to. Rejects with `Invalid` for what is neither, and for files in folders that are not there. */
export async function targetKindOf(path: string): Promise<TargetKind> {
  const found = await lookAt(path)
  if (found?.isBlockDevice()) return 'drive'
  if (found?.isFile()) return 'file'
  if (found?.isDirectory()) throw unusable(path, 'it is a folder: name a drive, or a file in it')
  if (found) throw unusable(path, 'it is neither a drive nor a file')
  if (path.startsWith('/dev/')) throw unusable(path, 'there is no such drive: `lsblk` lists what there is')
  if (!(await lookAt(dirname(path)))?.isDirectory()) throw unusable(path, `there is no folder ${dirname(path)}`)
  return 'new-file'
}

/**
 * A file is written as `NAME.partial`, readable by its owner alone, for it holds keys. `agreed`: what somebody said yes to, since
 * a file in a folder of others may be a link to a drive by now. Rejects with `Conflict` when it is, or when somebody uses it,
 * `Forbidden` when only root may.
 */
export async function openTarget(path: string, agreed?: Target['kind']): Promise<Target> {
  const kind = (await targetKindOf(path)) === 'drive' ? 'drive' : 'file'
  if (agreed !== undefined && kind !== agreed)
    throw new CodedError('Conflict', `cannot write to ${path}: because it was a ${agreed} and is a ${kind} by now`)
  return kind === 'drive' ? openDrive(path) : openFile(path)
}

async function lookAt(path: string) {
  try {
    return await stat(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw unusable(path, code === 'ENOTDIR' ? 'a part of its path is a file' : (error as Error).message, error)
  }
}

function unusable(path: string, why: string, cause?: unknown): CodedError {
  return new CodedError('Invalid', `cannot write to ${path}: because ${why}`, { cause })
}
