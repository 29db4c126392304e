/** Unpacks the packages into the root, and writes down for dpkg that they are there. No script of theirs runs: see 40-system. */
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Deb } from '../apt.ts'
import { unpackControl, unpackDeb } from '../run.ts'
import { type Fetched, placesOf, type Recipe, type Stage } from './recipe.ts'

/** Below /usr, since it tells of the system in this partition; /var outlives the system. /var/lib/dpkg points to it. */
export const dpkgFolder = 'usr/lib/sysimage/dpkg'

export const unpack: Stage = {
  name: '20-unpack',
  what: 'unpack them',
  async run(recipe) {
    const { root, parts } = placesOf(recipe)
    const fetched = await readFetched(recipe)
    await Promise.all([rm(root, { recursive: true, force: true }), rm(parts, { recursive: true, force: true })])
    await Promise.all([mkdir(root, { recursive: true }), mkdir(parts, { recursive: true })])
    // First what has the links of the merged /usr, so that all others go through them.
    const [first, others] = [true, false].map(isFirst =>
      fetched.installed.filter(({ name }) => (name === 'base-files') === isFirst),
    )
    const lists = new Map<string, string[]>()
    const unpackInto = async (deb: Deb, folder: string): Promise<void> => {
      lists.set(deb.path, await unpackDeb(deb.path, folder))
    }
    await inTurn(first ?? [], deb => unpackInto(deb, root))
    await inTurn(others ?? [], deb => unpackInto(deb, root))
    await inTurn(fetched.parts, deb => unpackInto(deb, parts))
    await registerAll(root, fetched.installed, lists)
    return `${fetched.installed.length} installed, ${fetched.parts.length} for parts of them`
  },
}

export async function readFetched(recipe: Recipe): Promise<Fetched> {
  return JSON.parse(await readFile(placesOf(recipe).fetched, 'utf8')) as Fetched
}

/** One for each processor at a time. */
async function inTurn(debs: readonly Deb[], act: (deb: Deb) => Promise<void>): Promise<void> {
  const waiting = [...debs]
  const work = async (): Promise<void> => {
    for (let deb = waiting.shift(); deb; deb = waiting.shift()) await act(deb)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
}

/** `dpkg -l`, `dpkg -S` and `dpkg -i` work on a board as if dpkg had installed all this. */
async function registerAll(root: string, debs: readonly Deb[], lists: ReadonlyMap<string, string[]>): Promise<void> {
  const folder = join(root, dpkgFolder)
  await Promise.all(
    ['info', 'updates', 'triggers', 'parts'].map(name => mkdir(join(folder, name), { recursive: true })),
  )
  const paragraphs = new Map<string, string>()
  await inTurn(debs, async deb => {
    paragraphs.set(deb.name, await register(folder, deb, lists.get(deb.path) ?? []))
  })
  await writeFile(
    join(folder, 'status'),
    `${[...paragraphs.keys()]
      .sort()
      .map(name => paragraphs.get(name))
      .join('\n\n')}\n`,
  )
  await writeFile(join(folder, 'available'), '')
  await writeFile(join(folder, 'info/format'), '1\n')
  await rm(join(root, 'var/lib/dpkg'), { recursive: true, force: true })
  await mkdir(join(root, 'var/lib'), { recursive: true })
  await symlink(`../../${dpkgFolder}`, join(root, 'var/lib/dpkg'))
}

/** Moves the control files into dpkg's folder. Resolves to the package's paragraph. */
async function register(folder: string, deb: Deb, list: readonly string[]): Promise<string> {
  const control = join(folder, 'parts', deb.name)
  await unpackControl(deb.path, control)
  const paragraph = (await readFile(join(control, 'control'), 'utf8')).trim()
  // dpkg's own rule (infodb format 1): packages that may be there for two architectures carry theirs in the file's name.
  const base = /^Multi-Arch: same$/m.test(paragraph) ? `${deb.name}:${deb.architecture}` : deb.name
  for (const name of await readdir(control))
    if (name !== 'control') await rename(join(control, name), join(folder, 'info', `${base}.${name}`))
  const paths = list.map(path => path.replace(/^\.\/?/, '/').replace(/(.)\/$/, '$1'))
  await writeFile(
    join(folder, 'info', `${base}.list`),
    `${paths.map(path => (path === '/' ? '/.' : path)).join('\n')}\n`,
  )
  await rm(control, { recursive: true })
  return paragraph.replace(/^(Package: .*)$/m, '$1\nStatus: install ok installed')
}
