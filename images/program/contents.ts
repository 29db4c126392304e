/** The files inside the packed program: its modules, the addons of the architecture, its data. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Architecture } from './architectures.ts'
import { listAssetFiles } from './asset-files.ts'
import type { Bundle } from './bundle.ts'
import { parseLaunchFlags } from './launch-flags.ts'
import { locatePackageFile } from './npm-package.ts'

export async function collectFiles(
  root: string,
  architecture: Architecture,
  { modules }: Bundle,
): Promise<Map<string, Uint8Array>> {
  const launch = parseLaunchFlags(await readFile(join(root, 'cli/launcher.sh'), 'utf8'))
  const files = new Map<string, Uint8Array>([['launch.json', Buffer.from(JSON.stringify(launch))]])
  for (const [name, code] of modules) files.set(`lib/${name}`, Buffer.from(code))
  for (const [name, addon] of Object.entries(architecture.addons))
    files.set(`native/${name}`, await readFile(await locatePackageFile(addon, root)))
  for (const name of listAssetFiles(root)) files.set(`assets/${name}`, await readFile(join(root, name)))
  for (const [name, archive] of await containerImages(root, architecture)) files.set(`assets/images/${name}`, archive)
  return files
}

/** For a Node that keeps no files beside the script: a line of it that holds them all. */
export function embedFiles(files: Map<string, Uint8Array>): string {
  const names = [...files.keys()].sort()
  const texts = names.map(name => [name, Buffer.from(files.get(name)!).toString('base64')])
  return `const embeddedFiles=${JSON.stringify(Object.fromEntries(texts))};`
}

/** The cluster's own images, of which the lab needs some on a machine that has nothing else of ours. */
async function containerImages(root: string, { debian }: Architecture): Promise<Array<[string, Uint8Array]>> {
  const folder = join(root, 'dist/images', debian)
  if (!existsSync(folder)) return []
  const names = (await readdir(folder)).filter(name => name.endsWith('.tar')).sort()
  return Promise.all(names.map(async name => [name, await readFile(join(folder, name))] as [string, Uint8Array]))
}
