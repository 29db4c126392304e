/** The files of a board, by the few operations that its setting-up needs: a port, so that tests can cut the power between any two. */
import { chmod, mkdir, open, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

export interface Disk {
  /** Undefined when it is not there, cannot be read, or is larger than any file of settings. */
  read(path: string): Promise<string | undefined>
  /** Names in a directory, sorted; none when there is none. */
  list(path: string): Promise<string[]>
  /** A new file in place of one of this name, its bytes on the disk when it resolves; its name may not be yet. */
  create(path: string, content: string, mode?: number): Promise<void>
  /** The bytes of a file that is there, on the disk when it resolves. */
  overwrite(path: string, content: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  link(target: string, path: string): Promise<void>
  /** With those above it, all of that mode. */
  makeDirectory(path: string, mode: number): Promise<void>
  /** What was created, renamed or removed in it is so after a power cut as well. */
  syncDirectory(path: string): Promise<void>
  /** To a device, or a file of /sys: nothing is kept. Rejects when it takes nothing. */
  poke(path: string, text: string): Promise<void>
}

/** A card may hold anything, and a small board has little memory. */
const maxTextBytes = 4 * 1024 * 1024

async function readText(path: string): Promise<string | undefined> {
  const file = await open(path, 'r')
  try {
    // Files of /proc and /sys say 0, and are small.
    const { size } = await file.stat()
    return size > maxTextBytes ? undefined : await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

/** `root`: put before every path. */
export function systemDisk(root = ''): Disk {
  const at = (path: string): string => (root === '' ? path : join(root, path))
  return {
    read: path => readText(at(path)).catch(() => undefined),
    list: async path => (await readdir(at(path)).catch(() => [] as string[])).sort(),
    async create(path, content, mode) {
      await rm(at(path), { force: true })
      const file = await open(at(path), 'wx', mode)
      try {
        await file.writeFile(content)
        // The process' mask may have taken some of it away. A FAT knows no modes.
        if (mode !== undefined) await file.chmod(mode)
        await file.sync()
      } finally {
        await file.close()
      }
    },
    async overwrite(path, content) {
      const file = await open(at(path), 'r+')
      try {
        await file.write(content, 0)
        await file.sync()
      } finally {
        await file.close()
      }
    },
    rename: (from, to) => rename(at(from), at(to)),
    remove: path => rm(at(path), { force: true }),
    link: (target, path) => symlink(target, at(path)),
    async makeDirectory(path, mode) {
      const first = await mkdir(at(path), { recursive: true, mode })
      // The process' mask may have taken some of it away, from all that were made.
      for (let made = at(path); first !== undefined && made.length >= first.length; made = dirname(made))
        await chmod(made, mode)
    },
    async syncDirectory(path) {
      const directory = await open(at(path), 'r')
      try {
        await directory.sync()
      } finally {
        await directory.close()
      }
    },
    poke: (path, text) => writeFile(at(path), text, { flag: 'a' }),
  }
}

/** Whole or as it was, whatever happens. Does nothing when it is so already. Resolves to whether it was not. */
export async function putFile(disk: Disk, path: string, file: { content: string; mode?: number }): Promise<boolean> {
  if ((await disk.read(path)) === file.content) return false
  const part = `${path}.flotilla-part`
  await disk.makeDirectory(dirname(path), 0o755)
  await disk.create(part, file.content, file.mode)
  await disk.rename(part, path)
  await disk.syncDirectory(dirname(path))
  return true
}

/** A symbolic link, in the same way. */
export async function putLink(disk: Disk, path: string, target: string): Promise<void> {
  const part = `${path}.flotilla-part`
  await disk.remove(part)
  await disk.link(target, part)
  await disk.rename(part, path)
  await disk.syncDirectory(dirname(path))
}

/** Also of what `read` takes for absent because it cannot be read. */
export async function isThere(disk: Disk, path: string): Promise<boolean> {
  return (await disk.list(dirname(path))).includes(basename(path))
}

/** Gone, also after a power cut. Does nothing when it is not there. */
export async function removeFile(disk: Disk, path: string): Promise<void> {
  if (!(await isThere(disk, path))) return
  await disk.remove(path)
  await disk.syncDirectory(dirname(path))
}

/** Overwritten before it is removed: on a FAT a removed file is easily read. Cards that move their blocks about may keep it all the same. */
export async function forgetFile(disk: Disk, path: string): Promise<void> {
  const text = await disk.read(path)
  if (text === undefined) return
  await disk.overwrite(path, ' '.repeat(Buffer.byteLength(text)))
  await disk.remove(path)
  await disk.syncDirectory(dirname(path))
}
