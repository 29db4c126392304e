/** Makes a directory with those above it, for whoever keeps files. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CodedError, messageOf } from './errors.ts'

/**
 * `mode` is for each directory that has to be made. Rejects with `ServiceUnavailable`.
 * Not Node's own `recursive`: where a file system takes no directories (/proc, an autofs mount), it tries for ever.
 */
export async function makeDirectory(path: string, mode = 0o755): Promise<void> {
  try {
    await makeWithParents(path, mode)
  } catch (error) {
    const text = `cannot make the directory ${path}: because ${messageOf(error)}`
    throw new CodedError('ServiceUnavailable', text, { cause: error })
  }
}

async function makeWithParents(path: string, mode: number): Promise<void> {
  try {
    await makeOne(path, mode)
  } catch (error) {
    const parent = dirname(path)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error
    await makeWithParents(parent, mode)
    await makeOne(path, mode)
  }
}

async function makeOne(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, mode)
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST' && (await stat(path)).isDirectory()
    if (!isThere) throw error
  }
}
