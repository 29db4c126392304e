/** Where the addons of a packed program may lie, and how they get there so that nobody else can put one of his in their place. */
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

export interface NativePlace {
  directory: string
  /** Filled by whoever installed the program: nothing is written there. */
  installed?: true
}

const groupOrOthersMayWrite = 0o022

/** Most wanted first. Some will not be there, be noexec (/run on Debian), or belong to somebody else: they are tried in turn. */
export function nativePlaces(
  env: NodeJS.ProcessEnv,
  user = { id: process.geteuid?.() ?? 0, home: homedir() },
): NativePlace[] {
  const own = (parent: string | undefined): string[] => (parent ? [join(parent, 'flotilla-native')] : [])
  // What several users share has their number in the name: the first would lock out the others.
  const shared = (parent: string | undefined): string[] => (parent ? [join(parent, `flotilla-native-${user.id}`)] : [])
  const wanted = env['FLOTILLA_NATIVE_DIR']
  const writable = [
    ...(wanted ? [wanted] : []),
    // systemd.exec(5): several directories are separated by colons.
    ...own(env['RUNTIME_DIRECTORY']?.split(':')[0]),
    ...own(env['STATE_DIRECTORY']?.split(':')[0]),
    ...(user.id === 0 ? own('/run') : own(env['XDG_RUNTIME_DIR'])),
    ...own(env['XDG_CACHE_HOME'] ?? join(user.home, '.cache')),
    ...shared('/dev/shm'),
    ...shared(env['TMPDIR']),
    ...shared('/var/tmp'),
    ...shared('/tmp'),
  ]
  return [{ directory: '/usr/lib/flotilla', installed: true }, ...writable.map(directory => ({ directory }))]
}

/** Resolves to the path of a file with this content that only we (or root) can change. Throws what stands against it. */
export function placeAddon(place: NativePlace, name: string, content: Uint8Array): string {
  const path = join(place.directory, name)
  if (!place.installed) makeOwnDirectory(place.directory)
  if (holds(path, content)) return path
  if (place.installed) throw new Error('it is not installed there')
  const part = `${path}.${process.pid}.part`
  try {
    writeFileSync(part, content, { mode: 0o500, flag: 'wx' })
    renameSync(part, path)
  } finally {
    rmSync(part, { force: true })
  }
  return path
}

function makeOwnDirectory(directory: string): void {
  // Whoever may write to the folder above could move ours away and put one of his there, unless it is sticky as /tmp is.
  const above = statSync(dirname(directory))
  const isSticky = (above.mode & 0o1000) !== 0
  if ((above.mode & groupOrOthersMayWrite) !== 0 && !isSticky)
    throw new Error('others may write to the folder above it')
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const found = lstatSync(directory)
  if (!found.isDirectory()) throw new Error('it is not a folder')
  refuseForeign(found)
}

function holds(path: string, content: Uint8Array): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return false
  if (!found.isFile()) throw new Error(`${path} is not a file`)
  refuseForeign(found)
  return found.size === content.length && readFileSync(path).equals(content)
}

function refuseForeign({ uid, mode }: Stats): void {
  if (uid !== 0 && uid !== process.geteuid?.()) throw new Error('it belongs to somebody else')
  if ((mode & groupOrOthersMayWrite) !== 0) throw new Error('others may write to it')
}
