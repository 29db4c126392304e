/** `./build.sh pack`: the whole of Flotilla as one file for each architecture. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { arch, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf } from '../../kit/errors.ts'
import { type Architecture, architectures, parseArchitectures } from './architectures.ts'
import { bundleBoot, bundleProgram } from './bundle.ts'
import { collectFiles, embedFiles } from './contents.ts'
import { locatePackageFile } from './npm-package.ts'
import { writeSea } from './sea.ts'

export interface PackOptions {
  root: string
  /** Where the programs are written. */
  outDir: string
}

/** Resolves to the path of the program. */
export async function packProgram(architecture: Architecture, { root, outDir }: PackOptions): Promise<string> {
  const bundle = await bundleProgram(root, architecture.target)
  const files = await collectFiles(root, architecture, bundle)
  const boot = await bundleBoot(root, architecture.target)
  const base = await locatePackageFile(architecture.node, root)
  const target = join(outDir, `flotilla-linux-${architecture.name}`)
  const workDirectory = await mkdtemp(join(tmpdir(), 'flotilla-pack-'))
  try {
    await writeSea(
      {
        base,
        blobMaker: await blobMakerFor(architecture, base, root),
        script: architecture.keepsFiles ? boot : `${embedFiles(files)}\n${boot}`,
        files: architecture.keepsFiles ? files : new Map(),
        flags: ['--disable-warning=ExperimentalWarning'],
        workDirectory,
      },
      target,
    )
  } finally {
    await rm(workDirectory, { recursive: true, force: true })
  }
  return target
}

/** Any 64-bit Node of the same version writes the same blob; an older Node has to write its own. */
async function blobMakerFor({ node, emulator }: Architecture, base: string, root: string): Promise<string[]> {
  if (node.pinned) return [...emulator, base]
  const own = Object.values(architectures).find(({ name }) => name === arch())
  return [own ? await locatePackageFile(own.node, root) : process.execPath]
}

async function main(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: { arch: { type: 'string', default: 'x64,arm64' }, out: { type: 'string', default: 'dist/pack' } },
  })
  const root = join(import.meta.dirname, '../..')
  for (const architecture of parseArchitectures(values.arch)) {
    const path = await packProgram(architecture, { root, outDir: values.out })
    const { length } = await readFile(path)
    process.stdout.write(`${path} ${(length / 1e6).toFixed(1)} MB\n`)
  }
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`pack: ${messageOf(error)}\n`)
    process.exitCode = 1
  }
}
