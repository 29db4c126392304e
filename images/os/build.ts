/** Builds the images for boards: `node images/os/build.ts [--arch amd64,arm64] [--out dist/os] [--manifest FILE] [--keep]`. */
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { version } from '../../contract/version.ts'
import { programAssets } from '../../kit/assets.ts'
import { systemClock } from '../../kit/clock.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { renderManifest } from '../apt.ts'
import { signFiles } from '../program/signature.ts'
import { run } from '../run.ts'
import { packages } from './10-packages.ts'
import { readFetched, unpack } from './20-unpack.ts'
import { prune } from './30-prune.ts'
import { system } from './40-system.ts'
import { settings } from './50-settings.ts'
import { kernel } from './60-kernel.ts'
import { initrd } from './70-initrd.ts'
import { boot } from './80-boot.ts'
import { disk } from './90-disk.ts'
import { type Architecture, architectures, machines } from './machines.ts'
import { placesOf, type Recipe, type Stage } from './recipe.ts'

/** The build log in advance: one file each. */
export const stages: Stage[] = [packages, unpack, prune, system, settings, kernel, initrd, boot, disk]

const root = resolve(import.meta.dirname, '../..')

async function main(): Promise<void> {
  // Folders that stages make have the same permissions, whoever builds.
  process.umask(0o022)
  const { values } = parseArgs({
    options: {
      arch: { type: 'string', default: architectures.join(',') },
      out: { type: 'string', default: join(root, 'dist/os') },
      manifest: { type: 'string' },
      /** Where to work; kept. */
      keep: { type: 'string' },
    },
  })
  for (const architecture of values.arch.split(',').map(checkArchitecture)) {
    const folder = join(values.keep ?? join(values.out, '.work'), architecture)
    await mkdir(folder, { recursive: true })
    try {
      const recipe = { ...(await openRecipe(architecture, values.manifest)), folder }
      for (const stage of stages) await tell(architecture, stage, recipe)
      await tell(architecture, releaseTo(values.out), recipe)
    } finally {
      if (values.keep === undefined) await rm(folder, { recursive: true, force: true })
    }
  }
  if (values.keep === undefined) await rm(join(values.out, '.work'), { recursive: true, force: true })
}

/** Prints a line a stage, with its time. */
async function tell(architecture: string, { name, what, run: act }: Stage, recipe: Recipe): Promise<void> {
  const before = systemClock.now()
  const said = await act(recipe)
  const seconds = ((systemClock.now() - before) / 1000).toFixed(1).padStart(5)
  process.stderr.write(`${architecture} ${name.padEnd(12)} ${seconds} s  ${what}: ${said}\n`)
}

function releaseTo(out: string): Stage {
  return { name: 'release', what: 'compress', run: recipe => release(recipe, out) }
}

async function openRecipe(architecture: Architecture, manifest: string | undefined): Promise<Omit<Recipe, 'folder'>> {
  const flotillaDeb = join(root, `dist/deb/flotilla_${version}_${architecture}.deb`)
  await stat(flotillaDeb).catch(cause => {
    throw new CodedError('NotFound', `cannot build the image: because there is no ${flotillaDeb}; run ./build.sh deb`, {
      cause,
    })
  })
  const pinned = manifest === undefined ? undefined : (await readFile(manifest, 'utf8')).trim().split('\n')
  return {
    machine: machines[architecture],
    cache: join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'flotilla'),
    flotillaDeb,
    assets: programAssets(),
    epoch: Number(process.env.SOURCE_DATE_EPOCH ?? (await run('git', ['-C', root, 'log', '-1', '--format=%ct']))),
    pinned,
  }
}

/** The files that people get: the image, what it is made of, and signed sums of all images that are there. */
async function release(recipe: Recipe, out: string): Promise<string> {
  const name = `flotilla-${recipe.machine.architecture}`
  const { installed, parts } = await readFetched(recipe)
  await writeFile(join(out, `${name}.manifest`), `${renderManifest([...installed, ...parts]).join('\n')}\n`)
  const target = join(out, `${name}.img.zst`)
  // Without --long: flash, and whatever else unpacks it, needs no more than 8 MiB for it.
  await run('zstd', ['-q', '-f', '-T0', '-9', placesOf(recipe).diskImage, '-o', `${target}.part`])
  await rename(`${target}.part`, target)
  await signFiles(out, { which: /^[^/]+\.(zst|manifest)$/ })
  return `${Math.round((await stat(target)).size / 1e6)} MB`
}

function checkArchitecture(name: string): Architecture {
  const found = architectures.find(known => known === name)
  if (found) return found
  throw new CodedError(
    'Invalid',
    `cannot build an image for "${name}": because there are recipes for ${architectures.join(' and ')} only`,
  )
}

if (import.meta.main) {
  try {
    await main()
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    process.exitCode = 1
  }
}
