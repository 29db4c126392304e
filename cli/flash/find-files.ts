/** Where images and Debian packages of Flotilla are looked for when nobody names one. */
import { access, readdir, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { version } from '../../contract/version.ts'
import type { BoardProfile } from '../../firmware-config/profile.ts'
import { CodedError } from '../../kit/errors.ts'
import type { Terminal } from '../terminal.ts'

type Architecture = BoardProfile['architecture']

/** What says where this program and its user's files are. */
export interface Surroundings {
  env: Terminal['env']
  homeDirectory: string
  execPath: string
  /** The script that Node runs; undefined for a packed program. */
  script: string | undefined
}

const endings = ['.img.zst', '.img.xz', '.img.gz', '.img']

export function surroundingsOf({ env, homeDirectory }: Terminal): Surroundings {
  return { env, homeDirectory, execPath: process.execPath, script: process.argv[1] }
}

/** Our own image for the architecture. Rejects with `NotFound`, saying how to get one. */
export async function findImage(architecture: Architecture, where: Surroundings): Promise<string> {
  const folders = [
    ...(await distFolders(where)).map(dist => join(dist, 'os')),
    join(cacheOf(where), 'images'),
    '/usr/share/flotilla/os',
    '/var/cache/flotilla',
  ]
  for (const folder of folders)
    for (const ending of endings) {
      const path = join(folder, `flotilla-${architecture}${ending}`)
      if (await isThere(path)) return path
    }
  const ways = `build one with ./build.sh images --arch ${architecture}, put one into ${folders.at(-3)}, or name one with --image, which may also be a stock Raspberry Pi OS`
  throw new CodedError(
    'NotFound',
    `cannot find an image for ${architecture}: because there is no flotilla-${architecture}.img in ${folders.join(', ')}: ${ways}`,
  )
}

/** The package of this version for the architecture, which stock images need. Rejects with `NotFound`. */
export async function findPackage(architecture: Architecture, where: Surroundings): Promise<string> {
  const folders = [
    ...(await distFolders(where)).map(dist => join(dist, 'deb')),
    join(cacheOf(where), 'deb'),
    '/usr/share/flotilla/deb',
    '/var/cache/flotilla',
  ]
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => [] as string[])
    const fitting = names.filter(name => isPackage(name, architecture)).sort()
    const found = fitting.at(-1)
    if (found !== undefined) return join(folder, found)
  }
  const ways = 'build it with ./build.sh deb, or name it with --package'
  throw new CodedError(
    'NotFound',
    `cannot find the Debian package of Flotilla ${version} for ${architecture}: because there is none in ${folders.join(', ')}: ${ways}`,
  )
}

/** `flotilla_1.2.3_arm64.deb`, or with a revision of Debian: `flotilla_1.2.3-1_arm64.deb`. */
function isPackage(name: string, architecture: Architecture): boolean {
  const [base, number = '', rest] = name.split('_')
  return (
    base === 'flotilla' &&
    rest === `${architecture}.deb` &&
    (number === version || (/^[-~+]/.test(number.slice(version.length)) && number.startsWith(version)))
  )
}

/** The folder `dist` of the clone that this program was built in, if it was. */
async function distFolders({ env, execPath, script }: Surroundings): Promise<string[]> {
  const programs = [env['FLOTILLA_PROGRAM'], script, execPath]
  const real = await Promise.all(
    programs.map(path => (path === undefined ? undefined : realpath(path).catch(() => undefined))),
  )
  const folders = real.flatMap(path => {
    if (path === undefined) return []
    const folder = dirname(path)
    // dist/flotilla · dist/lib/flotilla.js and dist/pack/flotilla-linux-x64 · flotilla.ts
    return [folder, dirname(folder)].flatMap(near =>
      basename(near) === 'dist' ? [near] : near === folder ? [join(near, 'dist')] : [],
    )
  })
  return [...new Set(folders)]
}

function cacheOf({ env, homeDirectory }: Surroundings): string {
  return join(env['XDG_CACHE_HOME'] || join(homeDirectory, '.cache'), 'flotilla')
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
