/** Writes an initramfs: cpio in the format "newc" (Documentation/driver-api/early-userspace/buffer-format.rst of the kernel). */

export type InitrdEntry =
  | { path: string; mode: number; content: Uint8Array }
  | { path: string; symlink: string }
  | { path: string; directory: true }

const types = { file: 0o100000, directory: 0o040000, symlink: 0o120000 }

/** Same entries, same bytes: sorted, owned by root, without times. Folders that a path needs are made. */
export function renderCpio(entries: readonly InitrdEntry[]): Buffer {
  const sorted = [...withFolders(entries).values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  const parts = sorted.flatMap((entry, at) => renderEntry(entry, at + 1))
  return Buffer.concat([...parts, ...renderRecord({ path: 'TRAILER!!!', mode: 0, inode: 0, content: Buffer.alloc(0) })])
}

function withFolders(entries: readonly InitrdEntry[]): Map<string, InitrdEntry> {
  const byPath = new Map(entries.map(entry => [entry.path, entry]))
  for (const { path } of entries)
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
      const folder = path.slice(0, at)
      if (!byPath.has(folder)) byPath.set(folder, { path: folder, directory: true })
    }
  return byPath
}

function renderEntry(entry: InitrdEntry, inode: number): Buffer[] {
  const { path } = entry
  if ('directory' in entry)
    return renderRecord({ path, inode, mode: types.directory | 0o755, content: Buffer.alloc(0) })
  if ('symlink' in entry)
    return renderRecord({ path, inode, mode: types.symlink | 0o777, content: Buffer.from(entry.symlink) })
  return renderRecord({ path, inode, mode: types.file | entry.mode, content: entry.content })
}

interface CpioRecord {
  path: string
  mode: number
  inode: number
  content: Uint8Array
}

function renderRecord({ path, mode, inode, content }: CpioRecord): Buffer[] {
  const name = Buffer.from(`${path}\0`)
  const links = 1
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, name.length, 0]
  const header = Buffer.from(`070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}`)
  return [header, name, padding(header.length + name.length), Buffer.from(content), padding(content.length)]
}

/** Header with name, and content, each begin at multiples of four. */
function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4)
}
