/** A plain file as a card: under another name until it is whole, without room for its zeros. */
import { type FileHandle, constants as flags, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CodedError } from '../../../kit/errors.ts'
import { diskError } from './disk-errors.ts'
import { readAll } from './drive-target.ts'
import { lockFile } from './lock-file.ts'
import { runTool } from './run-tool.ts'
import type { Target } from './target.ts'
import { writeSparse } from './write-sparse.ts'

export async function openFile(asked: string): Promise<Target> {
  // Where a link points to is what is written, not the link.
  const path = await realpath(asked).catch(() => asked)
  const partial = `${path}.partial`
  try {
    return createTarget(await openPartial(partial), path, partial)
  } catch (error) {
    throw diskError('write to', path, error)
  }
}

/** What a killed flash has left is taken over; what a running one writes is not. */
async function openPartial(partial: string): Promise<FileHandle> {
  const maxTries = 5
  for (let tries = 0; tries < maxTries; tries++) {
    // Nobody else's file is written through a link that lies in wait.
    const file = await open(partial, flags.O_RDWR | flags.O_CREAT | flags.O_NOFOLLOW, 0o600)
    try {
      const { uid, nlink } = await file.stat()
      // In a folder that others write to, it may be a name for another file of ours, or kept open by somebody who wants to read along.
      if (uid !== process.geteuid?.() || nlink !== 1)
        throw new CodedError('Conflict', `cannot write to ${partial}: because it is somebody else's: delete it`)
      await lockFile(file, partial, 0)
      // Between our opening and our lock, another flash may have given it its name.
      const [ours, there] = await Promise.all([file.stat(), stat(partial).catch(() => undefined)])
      if (ours.ino === there?.ino) {
        await file.chmod(0o600)
        await file.truncate(0)
        return file
      }
    } catch (error) {
      await file.close()
      throw error
    }
    await file.close()
  }
  throw new CodedError('Conflict', `cannot write to ${partial}: because others keep writing to it`)
}

function createTarget(file: FileHandle, path: string, partial: string): Target {
  const open = { is: true }
  const failingAs = async (doing: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      throw diskError(doing, path, error)
    }
  }
  return {
    path,
    kind: 'file',
    capacity: undefined,
    blockBytes: 1,
    write: (bytes, offset) => failingAs('write to', () => writeSparse(file, bytes, offset)),
    read: (into, offset) => failingAs('read back', () => readAll(file, into, offset)),
    sync: () => failingAs('write to', () => file.sync()),
    async dropCaches() {
      // posix_fadvise, which Node has not. Where dd is another one, the file is read from memory: still what the kernel will write.
      await runTool(['dd', `if=${partial}`, 'iflag=nocache', 'count=0', 'status=none']).catch(() => undefined)
    },
    setLength: bytes => failingAs('write to', () => file.truncate(bytes)),
    async finish() {
      await failingAs('write to', async () => {
        await file.sync()
        await rename(partial, path)
        open.is = false
        await file.close()
        await syncDirectory(dirname(path))
      })
    },
    async abandon() {
      if (!open.is) return
      open.is = false
      // It is locked by us until it is closed: nobody else has begun with it. What cannot be removed is told by nobody, but locked by nobody either.
      await rm(partial, { force: true }).catch(() => undefined)
      await file.close().catch(() => undefined)
    },
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
