/** A drive that is written: opened for us alone, and past the page cache. */
import { type FileHandle, constants as flags, open } from 'node:fs/promises'
import { diskError } from './disk-errors.ts'
import { lockFile } from './lock-file.ts'
import { runTool } from './run-tool.ts'
import type { Target } from './target.ts'
import { writeAll } from './write-sparse.ts'

/** So long udev may look at a disk that was just put in. */
const udevPatienceSeconds = 5

export async function openDrive(path: string): Promise<Target> {
  const { file, isDirect } = await openExclusively(path)
  try {
    // systemd's udev leaves a locked disk alone, instead of mounting what appears on it while we verify (systemd: Block device locking).
    await lockFile(file, path, udevPatienceSeconds)
    const { capacity, blockBytes } = await measure(path)
    return createTarget({ file, path, isDirect, capacity, blockBytes })
  } catch (error) {
    await file.close()
    throw diskError('write to', path, error)
  }
}

/** On a block device O_EXCL is refused while anybody has it mounted or opened in the same way (open(2)). */
async function openExclusively(path: string): Promise<{ file: FileHandle; isDirect: boolean }> {
  const exclusively = flags.O_RDWR | flags.O_EXCL
  try {
    return { file: await open(path, exclusively | flags.O_DIRECT), isDirect: true }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw diskError('write to', path, error)
    return { file: await open(path, exclusively), isDirect: false }
  }
}

async function measure(path: string): Promise<{ capacity: number; blockBytes: number }> {
  const said = await runTool(['blockdev', '--getsize64', '--getss', '--getro', path])
  const [capacity = 0, blockBytes = 512, isReadOnly = 0] = said.trim().split('\n').map(Number)
  // Root may open it for writing, and hears of it only at the first write, and then as EPERM.
  if (isReadOnly === 1) throw Object.assign(new Error('read-only'), { code: 'EROFS' })
  return { capacity, blockBytes }
}

interface OpenDrive {
  file: FileHandle
  path: string
  isDirect: boolean
  capacity: number
  blockBytes: number
}

function createTarget({ file, path, isDirect, capacity, blockBytes }: OpenDrive): Target {
  const open = { is: true }
  const close = async (): Promise<void> => {
    if (!open.is) return
    open.is = false
    await file.close()
  }
  const failingAs = async (doing: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      throw diskError(doing, path, error)
    }
  }
  const sync = (): Promise<void> => failingAs('write to', () => file.sync())
  return {
    path,
    kind: 'drive',
    capacity,
    blockBytes,
    write: (bytes, offset) => failingAs('write to', () => writeAll(file, bytes, offset)),
    read: (into, offset) => failingAs('read back', () => readAll(file, into, offset)),
    sync,
    async dropCaches() {
      if (!isDirect) await failingAs('read back', () => runTool(['blockdev', '--flushbufs', path]))
    },
    setLength: async () => undefined,
    async finish() {
      await sync()
      await close()
      // Whoever looks at the drive next sees its new partitions. Not every drive has any to the kernel, and nothing depends on it.
      await runTool(['blockdev', '--rereadpt', path]).catch(() => undefined)
    },
    // What is on the drive does not start: its first chunk is written last.
    abandon: () => close().catch(() => undefined),
  }
}

/** A drive that ends early, or is gone, gives less than it is asked for. */
export async function readAll(file: FileHandle, into: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, offset + done)
    if (bytesRead === 0) throw Object.assign(new Error('nothing more can be read'), { code: 'EIO' })
    done += bytesRead
  }
}
