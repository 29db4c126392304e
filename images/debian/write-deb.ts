/** Puts files together into a .deb, so that the same files give the same bytes. Starts dpkg-deb. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { type Architecture, renderControl } from './control.ts'
import type { PackageFile } from './package-files.ts'

export interface Deb {
  /** Where to write it. */
  path: string
  version: string
  architecture: Architecture
  files: PackageFile[]
  /** postinst and the like, by name. */
  scripts: Record<string, string>
  /** Seconds since 1970: no file in it is younger. */
  epoch: number
  /** xz's, 0 to 9. */
  level: number
}

const execute = promisify(execFile)

/** The file appears whole or not at all. */
export async function writeDeb(deb: Deb): Promise<void> {
  const stage = await mkdtemp(join(tmpdir(), 'flotilla-deb-'))
  try {
    await chmod(stage, 0o755)
    const sums: string[] = []
    const sizes: number[] = []
    for (const file of deb.files) {
      const path = join(stage, file.path)
      await makeFolder(stage, dirname(file.path))
      await putFile(path, file)
      sums.push(`${await md5Of(path)}  ${file.path.slice(1)}\n`)
      sizes.push((await stat(path)).size)
    }
    const installedBytes = sizes.reduce((sum, size) => sum + Math.ceil(size / 1024) * 1024, 0)
    await makeFolder(stage, '/DEBIAN')
    const control = join(stage, 'DEBIAN')
    await putFile(join(control, 'control'), { mode: 0o644, content: renderControl({ ...deb, installedBytes }) })
    await putFile(join(control, 'md5sums'), { mode: 0o644, content: sums.join('') })
    for (const [name, content] of Object.entries(deb.scripts))
      await putFile(join(control, name), { mode: 0o755, content })
    await build(stage, deb)
  } finally {
    await rm(stage, { recursive: true, force: true })
  }
}

async function build(stage: string, { path, level, epoch }: Deb): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const unfinished = `${path}.new`
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch), LC_ALL: 'C' }
  // xz: gzip makes it a third larger, and bullseye's dpkg reads no zstd.
  const words = ['--root-owner-group', '-Zxz', `-z${level}`, '--build', stage, unfinished]
  await execute('dpkg-deb', words, { env })
  await rename(unfinished, path)
}

/** Each folder by itself: their modes must not depend on our umask. */
async function makeFolder(stage: string, folder: string): Promise<void> {
  if (folder === '/') return
  await makeFolder(stage, dirname(folder))
  const path = join(stage, folder)
  await mkdir(path, { recursive: true })
  await chmod(path, 0o755)
}

async function putFile(path: string, { mode, content }: Omit<PackageFile, 'path'>): Promise<void> {
  if (typeof content === 'object' && 'source' in content) await copyFile(content.source, path)
  else await writeFile(path, content)
  await chmod(path, mode)
}

/** md5 is the form of dpkg's file: it finds rot on the disk, and guards against nobody. */
async function md5Of(path: string): Promise<string> {
  const hash = createHash('md5')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
