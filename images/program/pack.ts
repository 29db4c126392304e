/** `./build.sh pack`: the whole of Flotilla as one file for each architecture, with a bill of materials, checksums and a signature. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { arch, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { version } from '../../contract/version.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { addonFileName } from '../../kit/native.ts'
import { type Architecture, architectures, parseArchitectures } from './architectures.ts'
import { bundleBoot, bundleProgram } from './bundle.ts'
import { collectFiles, embedFiles } from './contents.ts'
import { listIngredients } from './ingredients.ts'
import { locatePackageFile, readLockFile, versionOf } from './npm-package.ts'
import { writePkg } from './pkg.ts'
import { runTool } from './run-tool.ts'
import { renderSbom } from './sbom.ts'
import { writeSea } from './sea.ts'
import { signFiles } from './signature.ts'

export interface PackOptions {
  root: string
  /** Where the programs are written. */
  outDir: string
  /** Seconds since 1970, for the bill of materials. */
  epoch: number
  /** What puts it together. Default: `sea`. */
  packer?: Packer
}

/** Node's own single executable applications, or `@yao-pkg/pkg`, which is larger and starts later: decision 19. */
const packers = ['sea', 'pkg'] as const
type Packer = (typeof packers)[number]

/** Resolves to the path of the program; beside it are its bill of materials and its addons, for who would install them. */
export async function packProgram(architecture: Architecture, options: PackOptions): Promise<string> {
  const { root, outDir, epoch, packer = 'sea' } = options
  const bundle = await bundleProgram(root, architecture.target)
  const files = await collectFiles(root, architecture, bundle)
  const file = `flotilla-linux-${architecture.name}`
  const target = join(outDir, file)
  const base = await locatePackageFile(architecture.node, root)
  const node = await sameNode(architecture, base, root)
  const boot = await bundleBoot(root, architecture.target)
  await inWorkDirectory(workDirectory =>
    packer === 'pkg'
      ? writeWithPkg({ architecture, files, base, boot, root, workDirectory }, target)
      : writeWithSea({ architecture, files, base, boot, node, workDirectory }, target),
  )
  await writeAddons(files, join(outDir, `native-${architecture.name}`))
  const nodeVersions = JSON.parse(await runTool(node[0]!, [...node.slice(1), '-p', 'JSON.stringify(process.versions)']))
  const lock = await readLockFile(root)
  const ingredients = listIngredients({ architecture, bundle, files, lock, nodeVersions })
  const sbom = renderSbom({ version, file, content: await readFile(target), ingredients, epoch })
  await writeFile(`${target}.cdx.json`, sbom)
  return target
}

interface ProgramParts {
  architecture: Architecture
  files: Map<string, Uint8Array>
  base: string
  boot: string
  workDirectory: string
}

async function writeWithSea(parts: ProgramParts & { node: string[] }, target: string): Promise<void> {
  const { architecture, files, base, boot, node, workDirectory } = parts
  const contents = architecture.keepsFiles
    ? { script: boot, files }
    : { script: `${embedFiles(files)}\n${boot}`, files: new Map<string, Uint8Array>() }
  const flags = ['--disable-warning=ExperimentalWarning']
  await writeSea({ base, blobMaker: node, ...contents, flags, workDirectory }, target)
}

async function writeWithPkg(parts: ProgramParts & { root: string }, target: string): Promise<void> {
  const { architecture, files, base, boot, root, workDirectory } = parts
  const { name, node } = architecture
  if (name === 'armv7') throw new CodedError('BadRequest', 'cannot pack with pkg: because it knows no armv7')
  const { version: nodeVersion } = versionOf(node, await readLockFile(root))
  const folder = `{path:__dirname+'/files',names:${JSON.stringify([...files.keys()].sort())}}`
  const script = `const filesFolder=${folder};\n${boot}`
  await writePkg({ base, nodeVersion, architecture: name, script, files, workDirectory }, target)
}

async function inWorkDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-pack-'))
  try {
    await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function writeAddons(files: Map<string, Uint8Array>, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  for (const [name, content] of files)
    if (name.startsWith('native/'))
      await writeFile(join(folder, addonFileName(name.slice('native/'.length), content)), content)
}

/** A Node of the same version that runs here. Any 64-bit one writes the same blob. */
async function sameNode({ node, emulator }: Architecture, base: string, root: string): Promise<string[]> {
  if (node.pinned) return [...emulator, base]
  const own = Object.values(architectures).find(({ name }) => name === arch())
  return [own ? await locatePackageFile(own.node, root) : process.execPath]
}

/** When the sources were last changed: reproducible-builds.org's variable, or git's word. */
async function sourceEpoch(root: string): Promise<number> {
  const given = process.env['SOURCE_DATE_EPOCH']
  return Number(given ?? (await runTool('git', ['-C', root, 'log', '-1', '--format=%ct'])))
}

async function main(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      arch: { type: 'string', default: 'x64,arm64' },
      out: { type: 'string' },
      with: { type: 'string', default: 'sea' },
    },
  })
  const packer = packers.find(known => known === values.with)
  if (!packer) throw new CodedError('BadRequest', `cannot pack: because --with is ${packers.join(' or ')}`)
  const root = resolve(import.meta.dirname, '../..')
  // What is there to compare must not get into packages and images, which take what is in dist/pack.
  const outDir = resolve(values.out ?? (packer === 'pkg' ? 'dist/pack-pkg' : 'dist/pack'))
  const epoch = await sourceEpoch(root)
  for (const architecture of parseArchitectures(values.arch)) {
    const path = await packProgram(architecture, { root, outDir, epoch, packer })
    const { length } = await readFile(path)
    process.stdout.write(`${path} ${(length / 1e6).toFixed(1)} MB\n`)
  }
  await signFiles(outDir)
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`pack: ${messageOf(error)}\n`)
    process.exitCode = 1
  }
}
