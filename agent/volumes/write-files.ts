/**
 * Writes a volume so that a program sees all of the old files or all of the new: they lie in a directory of their own, and one
 * rename of the link `..data` changes them all. The layout is that of Kubernetes (`pkg/volume/util/atomic_writer.go`), which
 * programs that watch their configuration know.
 */
import { chmod, chown, mkdir, open, readdir, readFile, readlink, rename, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Random } from '../../kit/random.ts'
import type { VolumeFile, VolumeFiles } from './render-files.ts'

const dataLink = '..data'
const dataLinkTemporary = '..data_tmp'
/** Whatever the agent's umask is, and whoever the pod runs as: others may pass and list. Above is a directory for root alone. */
const directoryMode = 0o755

/** True when something changed. What a writer before left half done is cleared away. */
export async function writeFiles(directory: string, files: VolumeFiles, random: Random): Promise<boolean> {
  await makeOpen(directory)
  const before = await readLink(join(directory, dataLink))
  if (before !== undefined && (await holds(join(directory, before), files))) return false
  const fresh = `..${random.uuid()}`
  await writeAll(join(directory, fresh), files)
  const temporary = join(directory, dataLinkTemporary)
  await rm(temporary, { force: true })
  await symlink(fresh, temporary)
  await rename(temporary, join(directory, dataLink))
  const names = new Set([...files.keys()].map(path => path.split('/')[0] ?? ''))
  await linkNames(directory, names)
  await removeOthers(directory, new Set([...names, fresh, dataLink]))
  return true
}

/** False when somebody has cleared it away. */
export async function isWritten(directory: string): Promise<boolean> {
  return (await readLink(join(directory, dataLink))) !== undefined
}

/** What a volume holds at `path`, if anything. */
export async function readVolumeFile(directory: string, path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(join(directory, dataLink, path))
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function writeAll(directory: string, files: VolumeFiles): Promise<void> {
  await makeOpen(directory)
  for (const [path, file] of files) {
    await makeBelow(directory, dirname(path))
    await writeOne(join(directory, path), file)
  }
}

async function writeOne(path: string, { content, mode, uid, gid }: VolumeFile): Promise<void> {
  // Nobody but us until it is whole and has its owner.
  const handle = await open(path, 'wx', 0o600)
  try {
    await handle.writeFile(content)
    if (uid !== undefined || gid !== undefined) await handle.chown(uid ?? 0, gid ?? 0)
    await handle.chmod(mode)
  } finally {
    await handle.close()
  }
}

async function makeBelow(directory: string, path: string): Promise<void> {
  if (path === '.' || path === '') return
  await makeBelow(directory, dirname(path))
  await makeOpen(join(directory, path))
}

async function makeOpen(directory: string): Promise<void> {
  try {
    await mkdir(directory)
    await chmod(directory, directoryMode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

async function linkNames(directory: string, names: ReadonlySet<string>): Promise<void> {
  for (const name of names) {
    try {
      await symlink(`${dataLink}/${name}`, join(directory, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** Files that are no longer in the volume, and the directories of earlier versions. */
async function removeOthers(directory: string, wanted: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!wanted.has(name)) await rm(join(directory, name), { recursive: true, force: true })
  }
}

async function holds(directory: string, files: VolumeFiles): Promise<boolean> {
  const paths = await listFiles(directory)
  if (paths.length !== files.size) return false
  for (const [path, file] of files) {
    if (!paths.includes(path) || !(await isEqual(join(directory, path), file))) return false
  }
  return true
}

async function isEqual(path: string, { content, mode, uid, gid }: VolumeFile): Promise<boolean> {
  const found = await stat(path)
  if ((found.mode & 0o7777) !== mode || found.size !== content.length) return false
  if ((uid !== undefined && found.uid !== uid) || (gid !== undefined && found.gid !== gid)) return false
  return content.equals(await readFile(path))
}

async function listFiles(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true })
    const files = entries.filter(entry => entry.isFile())
    return files.map(entry => join(entry.parentPath, entry.name).slice(directory.length + 1))
  } catch (error) {
    // The link is there and what it names is not: written again.
    if (isMissing(error)) return []
    throw error
  }
}

async function readLink(path: string): Promise<string | undefined> {
  try {
    return await readlink(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
}

/** A directory that containers write to. */
export async function makeEmptyDirectory(path: string, group: number | undefined): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    // Made before the container that starts anew: what is in it stays.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return
    throw error
  }
  if (group !== undefined) await chown(path, 0, group)
  await chmod(path, 0o777)
}
