/** Makes the modules that go into the packed program. The adapter of `esbuild`. */
import { join } from 'node:path'
import { build, type Metafile, type OutputFile, type Plugin, transform } from 'esbuild'

export interface Bundle {
  /** By file name; `flotilla.js` is the one to begin with. CommonJS, ASCII. */
  modules: Map<string, string>
  /** Source files that it was made of, relative to the root. */
  inputs: string[]
}

const common = {
  bundle: true,
  platform: 'node',
  minifySyntax: true,
  minifyWhitespace: true,
  charset: 'ascii',
  legalComments: 'none',
  logLevel: 'warning',
  write: false,
  metafile: true,
} as const

/**
 * The program in many small modules, so that a part loads only its own code. esbuild splits ES modules alone, and Node loads those only
 * from files: so each is made CommonJS afterwards.
 */
export async function bundleProgram(root: string, target: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    ...common,
    absWorkingDir: root,
    entryPoints: ['flotilla.ts'],
    outdir: 'lib',
    splitting: true,
    format: 'esm',
    target,
    plugins: [packedAddons(root)],
  })
  const outputs = outputFiles.sort((a, b) => (a.path < b.path ? -1 : 1))
  const modules = await Promise.all(outputs.map(file => toCommonJs(file, join(root, 'lib/'), target)))
  return { modules: new Map(modules), inputs: inputsOf(metafile) }
}

/** The first code of the program, whole. */
export async function bundleBoot(root: string, target: string): Promise<string> {
  const { outputFiles } = await build({
    ...common,
    absWorkingDir: root,
    entryPoints: ['images/program/boot.ts'],
    format: 'cjs',
    target,
  })
  return outputFiles[0]!.text
}

async function toCommonJs(file: OutputFile, folder: string, target: string): Promise<[string, string]> {
  const { minifySyntax, minifyWhitespace, charset } = common
  // Without import(): Node would look for a file.
  const supported = { 'dynamic-import': false }
  const { code } = await transform(file.text, {
    format: 'cjs',
    target,
    supported,
    minifySyntax,
    minifyWhitespace,
    charset,
    // Libraries make their `require` of it, for modules of Node's own: any absolute name will do.
    define: { 'import.meta.url': '"file:///flotilla/lib.js"' },
  })
  return [file.path.slice(folder.length), code]
}

/** Puts our own loading of addons where the libraries look for theirs beside their code. */
function packedAddons(root: string): Plugin {
  const loader = JSON.stringify(join(root, 'kit/native.ts'))
  const replacements: Array<[RegExp, string]> = [
    [/classic-level\/binding\.js$/, `module.exports = require(${loader}).loadAddon('classic-level.node')`],
    [/node-pty\/requireBinary\.js$/, `exports.requireBinary = name => require(${loader}).loadAddon(name)`],
  ]
  return {
    name: 'packed-addons',
    setup({ onLoad }) {
      for (const [filter, contents] of replacements)
        onLoad({ filter }, ({ path }) => ({ contents, loader: 'js', resolveDir: join(path, '..') }))
    },
  }
}

function inputsOf(metafile: Metafile): string[] {
  // What was looked at and left out counts for nothing.
  const used = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  )
  return [...new Set(used)].sort()
}
