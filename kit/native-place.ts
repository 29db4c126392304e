/** Where the addons of a packed program may lie, and how they get there so that nobody else can put one of his in their place. */
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'

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

/** The path of a file with this content that only we (or root) can change. Throws what stands against it. */
export function placeAddon(place: NativePlace, name: string, content: Uint8Array): string {
  const path = join(place.installed ? place.directory : makeOwnDirectory(place.directory), name)
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

/** Its path without links: what they point to may change between our look and the loading. */
function makeOwnDirectory(wanted: string): string {
  const above = realpathSync(dirname(wanted))
  refuseMovable(above)
  const directory = join(above, basename(wanted))
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const found = lstatSync(directory)
  if (!found.isDirectory()) throw new Error('it is not a folder')
  refuseForeign(found)
  return directory
}

/** Whoever may write to a folder on the way, or owns it, could move ours away and put one of his there: root in a user's home, say. */
function refuseMovable(above: string): void {
  const { uid, mode } = lstatSync(above)
  if (isForeign(uid)) throw new Error(`${above} belongs to somebody else`)
  // In a sticky one, as /tmp, only the owner of what is there may.
  const isSticky = (mode & 0o1000) !== 0
  if ((mode & groupOrOthersMayWrite) !== 0 && !isSticky) throw new Error(`others may write to ${above}`)
  if (dirname(above) !== above) refuseMovable(dirname(above))
}

function holds(path: string, content: Uint8Array): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return false
  if (!found.isFile()) throw new Error(`${path} is not a file`)
  refuseForeign(found)
  return found.size === content.length && readFileSync(path).equals(content)
}

function refuseForeign({ uid, mode }: Stats): void {
  if (isForeign(uid)) throw new Error('it belongs to somebody else')
  if ((mode & groupOrOthersMayWrite) !== 0) throw new Error('others may write to it')
}

function isForeign(uid: number): boolean {
  return uid !== 0 && uid !== process.geteuid?.()
}
