/** Builds the Debian packages: `node images/debian/build.ts [--arch amd64,arm64] [--out dist/deb] [--level 6]`. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { version } from '../../contract/version.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { signFiles } from '../program/signature.ts'
import { type Architecture, architectures } from './control.ts'
import { listPackageFiles, places } from './package-files.ts'
import { writeDeb } from './write-deb.ts'

export interface DebianBuild {
  architectures: Architecture[]
  outDir: string
  /** xz's, 0 to 9. */
  level: number
  /** Another than the program's, for tests of upgrades. */
  version?: string
  /** Seconds since 1970. Default: $SOURCE_DATE_EPOCH, else the time of the last commit. */
  epoch?: number
  /** The clone's folder. */
  root?: string
  /** Where the packed programs and the archives of container images are. Default: `dist` of the clone. */
  dist?: string
}

const execute = promisify(execFile)
const here = resolve(import.meta.dirname, '../..')

/** Resolves to the paths of the packages. */
export async function buildDebs(options: DebianBuild): Promise<string[]> {
  const { root = here, dist = join(root, 'dist'), version: packageVersion = version } = options
  const epoch = options.epoch ?? (await sourceEpoch(root))
  const manual = await mkdtemp(join(tmpdir(), 'flotilla-manual-'))
  try {
    await writeManual({ root, folder: manual, epoch })
    const scripts = await readScripts(join(root, 'images/debian/maintainer'))
    const paths: string[] = []
    for (const architecture of options.architectures) {
      const sbom = await readBuilt(join(dist, `pack/flotilla-linux-${architectures[architecture]}.cdx.json`))
      const documents = { version: packageVersion, epoch, sbom, modules: join(root, 'node_modules') }
      const files = listPackageFiles({ architecture, root, dist, manual, documents })
      const path = join(options.outDir, `flotilla_${packageVersion}_${architecture}.deb`)
      await writeDeb({ path, version: packageVersion, architecture, files, scripts, epoch, level: options.level })
      paths.push(path)
    }
    return paths
  } finally {
    await rm(manual, { recursive: true, force: true })
  }
}

/** By the program itself, so that pages and completions say what it does. */
async function writeManual({ root, folder, epoch }: { root: string; folder: string; epoch: number }): Promise<void> {
  const program = [join(root, 'flotilla.ts')]
  await mkdir(join(folder, 'man1'))
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch) }
  await execute(process.execPath, [...program, 'manual', join(folder, 'man1')], { env })
  for (const shell of Object.keys(places.completions)) {
    const { stdout } = await execute(process.execPath, [...program, 'completion', shell], { maxBuffer: 16 << 20 })
    await writeFile(join(folder, shell), stdout)
  }
}

async function readScripts(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort()
  return Object.fromEntries(
    await Promise.all(names.map(async name => [name, await readFile(join(folder, name), 'utf8')])),
  )
}

async function readBuilt(path: string): Promise<Buffer> {
  if (existsSync(path)) return readFile(path)
  throw new CodedError('NotFound', `cannot build the package: because ${path} is missing: ./build.sh pack makes it`)
}

async function sourceEpoch(root: string): Promise<number> {
  const given = process.env['SOURCE_DATE_EPOCH']
  if (given) return Number(given)
  const { stdout } = await execute('git', ['-C', root, 'log', '-1', '--format=%ct'])
  return Number(stdout)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      arch: { type: 'string', default: Object.keys(architectures).join(',') },
      out: { type: 'string', default: 'dist/deb' },
      level: { type: 'string', default: '6' },
      version: { type: 'string' },
    },
  })
  const asked = values.arch.split(',')
  const unknown = asked.filter(name => !(name in architectures))
  if (unknown.length > 0) {
    const known = Object.keys(architectures).join(', ')
    throw new CodedError('BadRequest', `cannot build for ${unknown.join(', ')}: because there is only ${known}`)
  }
  const paths = await buildDebs({
    architectures: asked as Architecture[],
    outDir: values.out,
    level: Number(values.level),
    ...(values.version !== undefined && { version: values.version }),
  })
  await signFiles(values.out, { which: /\.deb$/ })
  process.stdout.write(`${paths.join('\n')}\n`)
}

if (import.meta.main) {
  try {
    await main()
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    process.exitCode = 1
  }
}
