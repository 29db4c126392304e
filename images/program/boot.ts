/** The first code of the packed program: takes the flags of the part that is to run, then loads its modules from inside the file. */
import { readFileSync } from 'node:fs'
import { compileFunction } from 'node:vm'
import { type PackedFiles, putPackedFiles } from '../../kit/packed-files.ts'
import { addWhatNode20Lacks } from './node-20.ts'
import { restartWith } from './restart.ts'

/** Of a program whose Node keeps no files beside its code (before 20.12): they are part of the script, as base64. */
declare const embeddedFiles: Record<string, string> | undefined

/** Of a program packed by pkg: where its own file system shows them, with all their names. */
declare const filesFolder: { path: string; names: string[] } | undefined

const files = findFiles()
putPackedFiles(files)
addWhatNode20Lacks()
restartWith(JSON.parse(textOf('launch.json')))
loaderOf(name => textOf(`lib/${name}`))('flotilla.js')

function findFiles(): PackedFiles {
  if (typeof embeddedFiles !== 'undefined') return filesInScript(embeddedFiles)
  return typeof filesFolder === 'undefined' ? filesInSea() : filesInFolder(filesFolder)
}

function filesInFolder({ path, names }: { path: string; names: string[] }): PackedFiles {
  const known = new Set(names)
  return { names, read: name => (known.has(name) ? readFileSync(`${path}/${name}`) : undefined) }
}

function filesInSea(): PackedFiles {
  // Asked for here alone: Node 20 has no such module.
  const { getAssetKeys, getRawAsset } = require('node:sea') as typeof import('node:sea')
  const names = getAssetKeys().sort()
  const known = new Set(names)
  return { names, read: name => (known.has(name) ? new Uint8Array(getRawAsset(name)) : undefined) }
}

function filesInScript(embedded: Record<string, string>): PackedFiles {
  return {
    names: Object.keys(embedded).sort(),
    read: name => (embedded[name] === undefined ? undefined : Buffer.from(embedded[name], 'base64')),
  }
}

/** The bundle is ASCII, of which V8 keeps one byte a character. */
function textOf(name: string): string {
  const content = files.read(name)
  if (!content) throw new Error(`the program lacks ${name}: it was packed badly`)
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1')
}

/** CommonJS, with modules found by name in the program; all else is Node's own. */
function loaderOf(readSource: (name: string) => string): (name: string) => unknown {
  const loaded = new Map<string, { exports: unknown }>()
  const load = (name: string): unknown => {
    const known = loaded.get(name)
    if (known) return known.exports
    const module = { exports: {} }
    loaded.set(name, module)
    const body = compileFunction(readSource(name), ['exports', 'require', 'module'], { filename: `flotilla/${name}` })
    body(module.exports, requireOne, module)
    return module.exports
  }
  const requireOne = (target: string): unknown => (target.startsWith('./') ? load(target.slice(2)) : require(target))
  return load
}
