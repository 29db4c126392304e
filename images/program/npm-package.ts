/** Files of npm packages, of other architectures too: npm installs only what fits the machine, the rest comes through a cache. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { CodedError } from '../../kit/errors.ts'
import type { PackageFile } from './architectures.ts'
import { runTool } from './run-tool.ts'

export interface LockFile {
  packages: Record<string, LockedPackage>
}

export interface LockedPackage {
  version: string
  integrity?: string
  license?: string
  resolved?: string
}

export async function readLockFile(root: string): Promise<LockFile> {
  return JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as LockFile
}

/** By the lock file, or as pinned with it. Throws `NotFound`. */
export function versionOf(file: PackageFile, lock: LockFile): { version: string; integrity: string } {
  const locked = file.pinned ?? lock.packages[`node_modules/${file.package}`]
  if (!locked?.integrity)
    throw new CodedError('NotFound', `cannot use ${file.package}: because package-lock.json does not name it`)
  return { version: locked.version, integrity: locked.integrity }
}

/** Resolves to a path on the disk. Where npm has not installed the package, npm fetches it, and its hash is compared. */
export async function locatePackageFile(file: PackageFile, root: string): Promise<string> {
  const installed = join(root, 'node_modules', file.package, file.path)
  if (!file.pinned && existsSync(installed)) return installed
  const { version, integrity } = versionOf(file, await readLockFile(root))
  const folder = join(cacheFolder(), `${file.package.replace('/', '-')}@${version}`)
  const path = join(folder, file.path)
  if (!existsSync(path)) await fetchInto(folder, { name: `${file.package}@${version}`, integrity, path: file.path })
  return path
}

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'flotilla/packages')
}

/** Unpacks one file of it. The folder is there when it is whole. */
async function fetchInto(folder: string, wanted: { name: string; integrity: string; path: string }): Promise<void> {
  await mkdir(dirname(folder), { recursive: true })
  const part = await mkdtemp(`${folder}.part-`)
  try {
    const said = await runTool('npm', ['pack', wanted.name, '--silent', '--pack-destination', part], {
      timeoutMs: 600_000,
    })
    const archive = join(part, basename(said.trim().split('\n').at(-1) ?? ''))
    await checkIntegrity(archive, wanted)
    await runTool('tar', [
      '-xf',
      archive,
      '-C',
      part,
      '--strip-components',
      '1',
      '--no-same-owner',
      `package/${wanted.path}`,
    ])
    await rm(archive)
    await rm(folder, { recursive: true, force: true })
    await rename(part, folder)
  } finally {
    await rm(part, { recursive: true, force: true })
  }
}

/** Subresource integrity, as npm writes it: `sha512-` and base64. */
async function checkIntegrity(
  archive: string,
  { name, integrity }: { name: string; integrity: string },
): Promise<void> {
  const [algorithm = '', expected] = integrity.split('-')
  const hash = createHash(algorithm)
    .update(await readFile(archive))
    .digest('base64')
  if (hash !== expected)
    throw new CodedError(
      'Forbidden',
      `cannot use ${name}: because what npm fetched is not what was pinned (${integrity})`,
    )
}
