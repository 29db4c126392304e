/** Files that only their owner may read, and that are whole or not there: for keys, and for what must outlive a power cut. */
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { makeDirectory } from './directory.ts'
import { CodedError, messageOf } from './errors.ts'

/** No key, and no list of keys, is longer. */
const maxFileBytes = 8 * 1024 * 1024
const partSuffix = '.part'

/** Replaces the file in one step, on the disk when it resolves. Rejects with `ServiceUnavailable`; the text is not repeated. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const part = `${path}${partSuffix}`
  try {
    // What a power cut has left of an earlier try may have another mode.
    await rm(part, { force: true })
    const file = await open(part, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(part, path)
    await syncDirectory(dirname(path))
  } catch (error) {
    // What went wrong first is what is told.
    await rm(part, { force: true }).catch(() => undefined)
    throw new CodedError('ServiceUnavailable', `cannot write ${path}: because ${messageOf(error)}`, { cause: error })
  }
}

/** Undefined when it is not there. Rejects with `Forbidden` when others may read it, and says how to mend that. */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      const { mode, size } = await file.stat()
      if ((mode & 0o077) !== 0) throw tooOpen(path, mode, 'chmod 600')
      if (size > maxFileBytes) throw new Error(`it is larger than ${maxFileBytes} bytes`)
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    if (error instanceof CodedError) throw error
    throw new CodedError('ServiceUnavailable', `cannot read ${path}: because ${messageOf(error)}`, { cause: error })
  }
}

/** Makes the directory, removes half-written files, and rejects with `Forbidden` when others may look into it. */
export async function openPrivateDirectory(path: string): Promise<void> {
  await makeDirectory(path, 0o700)
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0) throw tooOpen(path, mode, 'chmod 700')
  for (const name of await readdir(path)) if (name.endsWith(partSuffix)) await rm(join(path, basename(name)))
}

function tooOpen(path: string, mode: number, remedy: string): CodedError {
  const shown = (mode & 0o777).toString(8)
  return new CodedError(
    'Forbidden',
    `cannot trust ${path}: because others may use it (its mode is ${shown}): ${remedy} ${path}`,
  )
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
