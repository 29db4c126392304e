/** The files of the package: what is built, what firmware-config has for every machine, what is generated from the commands. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { compress } from './compress.ts'
import { type Architecture, architectures } from './control.ts'
import { type DocumentFacts, renderDocuments } from './documents.ts'

/** A file at its place on the board, absolute. */
export interface PackageFile {
  path: string
  mode: number
  /** Bytes, or a file of this machine. */
  content: Buffer | string | { source: string }
}

export interface PackageSources {
  architecture: Architecture
  /** The clone's folder. */
  root: string
  /** Where the packed programs and the archives of container images are. */
  dist: string
  /** Written by the program itself: man pages below `man1/`, completions by shell. */
  manual: string
  documents: DocumentFacts
}

/** firmware-config's files for any machine that runs an agent, laid out as on the disk. */
const everyMachine = 'firmware-config/common/package'
export const places = {
  program: '/usr/bin/flotilla',
  native: '/usr/lib/flotilla',
  images: '/usr/share/flotilla/images',
  manual: '/usr/share/man/man1',
  documents: '/usr/share/doc/flotilla',
  completions: {
    bash: '/usr/share/bash-completion/completions/flotilla',
    zsh: '/usr/share/zsh/vendor-completions/_flotilla',
    fish: '/usr/share/fish/vendor_completions.d/flotilla.fish',
  },
} as const

/** Sorted by path. Rejects when something that must be built is not there. */
export function listPackageFiles(sources: PackageSources): PackageFile[] {
  const files = [
    ...programFiles(sources),
    ...systemFiles(sources),
    ...manualFiles(sources),
    ...renderDocuments(sources.documents).map(({ name, content }) => plain(`${places.documents}/${name}`, content)),
    plain('/usr/share/lintian/overrides/flotilla', readFileSync(join(sources.root, 'images/debian/lintian-overrides'))),
  ]
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

function programFiles({ architecture, dist }: PackageSources): PackageFile[] {
  const program = join(dist, `pack/flotilla-linux-${architectures[architecture]}`)
  const native = join(dist, `pack/native-${architectures[architecture]}`)
  const images = ['pause', 'hello'].map(name => join(dist, `images/${architecture}/${name}.tar`))
  return [
    { path: places.program, mode: 0o755, content: { source: program } },
    // Installed they need no folder that may be written and executed: the program looks here first.
    ...readdirSync(native).map(name => plain(`${places.native}/${name}`, { source: join(native, name) })),
    ...images.map(source => plain(`${places.images}/${basename(source)}`, { source })),
  ]
}

function systemFiles({ root }: PackageSources): PackageFile[] {
  const folder = join(root, everyMachine)
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .map(source => {
      const content = readFileSync(source)
      const mode = content.subarray(0, 2).toString() === '#!' ? 0o755 : 0o644
      return { path: source.slice(folder.length), mode, content }
    })
}

function manualFiles({ manual }: PackageSources): PackageFile[] {
  const pages = readdirSync(join(manual, 'man1')).map(name =>
    plain(`${places.manual}/${name}.gz`, compress(readFileSync(join(manual, 'man1', name)))),
  )
  const completions = Object.entries(places.completions).map(([shell, path]) =>
    plain(path, readFileSync(join(manual, shell))),
  )
  return [...pages, ...completions]
}

function plain(path: string, content: PackageFile['content']): PackageFile {
  return { path, mode: 0o644, content }
}
