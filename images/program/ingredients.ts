/** What is really in a packed program: the libraries that the bundle took code from, Node with its own, addons, container images. */
import type { Architecture } from './architectures.ts'
import type { Bundle } from './bundle.ts'
import { type LockFile, versionOf } from './npm-package.ts'

export interface Ingredient {
  kind: 'library' | 'runtime' | 'file' | 'image'
  name: string
  version?: string
  /** In SPDX's words, as the lock file has it. */
  license?: string
  /** Of the npm package, as the lock file has it. */
  integrity?: string
  /** Of what is in the program as it is. */
  content?: Uint8Array
  /** Package URL. */
  purl?: string
}

export interface IngredientSources {
  architecture: Architecture
  bundle: Bundle
  files: Map<string, Uint8Array>
  lock: LockFile
  /** `process.versions` of its Node. */
  nodeVersions: Record<string, string>
}

export function listIngredients(sources: IngredientSources): Ingredient[] {
  const { architecture, bundle, files, lock, nodeVersions } = sources
  const names = new Set([...bundle.inputs.flatMap(packagesOf), ...addonPackages(architecture)])
  const libraries = [...names].sort().map(path => npmIngredient(path, lock))
  const addons = [...files].filter(([name]) => name.startsWith('native/'))
  const images = [...files].filter(([name]) => name.startsWith('assets/images/'))
  return [
    ...libraries,
    ...nodeIngredients(architecture, lock, nodeVersions),
    ...addons.map(([name, content]): Ingredient => ({ kind: 'file', name, content })),
    ...images.map(([name, content]): Ingredient => ({ kind: 'image', name: name.slice('assets/'.length), content })),
  ]
}

/** The lock file's name of the package that a source file is of: `node_modules/a/node_modules/@b/c`. */
function packagesOf(input: string): string[] {
  const [path] = input.match(/^(.*\/)?node_modules\/(@[^/]+\/)?[^/]+/) ?? []
  return path === undefined ? [] : [path]
}

/** Of their libraries only the binary may come from a package of its own. */
function addonPackages({ addons }: Architecture): string[] {
  return Object.values(addons).map(file => `node_modules/${file.package}`)
}

function npmIngredient(path: string, { packages }: LockFile): Ingredient {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const { version = '', license, integrity } = packages[path] ?? {}
  return {
    kind: 'library',
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...(license !== undefined && { license }),
    ...(integrity !== undefined && { integrity }),
  }
}

/** Numbers of interfaces and tables, not versions of code. */
const notCode = new Set(['node', 'modules', 'napi', 'cldr', 'tz', 'unicode'])

function nodeIngredients({ node }: Architecture, lock: LockFile, versions: Record<string, string>): Ingredient[] {
  const { version, integrity } = versionOf(node, lock)
  const inside = Object.entries(versions).filter(([name, text]) => text !== '' && !notCode.has(name))
  return [
    { kind: 'runtime', name: 'node', version, license: 'MIT', integrity, purl: `pkg:npm/${node.package}@${version}` },
    ...inside.map(
      ([name, text]): Ingredient => ({
        kind: 'library',
        name: `node:${name}`,
        version: text,
        purl: `pkg:generic/${name}@${text}`,
      }),
    ),
  ]
}
