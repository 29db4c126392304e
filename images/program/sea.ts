/** Puts script and files into a Node: a single executable application. The adapter of `postject`. */
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { inject } from 'postject'
import { runTool } from './run-tool.ts'
import { stripSymbols } from './strip-symbols.ts'

export interface SeaParts {
  /** The Node to put it into. */
  base: string
  /** Command that makes the blob: a Node of the same version and word size as the base. */
  blobMaker: string[]
  script: string
  /** Inside the program, by name. Empty for a Node that keeps none. */
  files: Map<string, Uint8Array>
  /** Flags of Node that every part of the program wants. */
  flags: string[]
  /** An empty folder for what is put together. */
  workDirectory: string
}

/** Node's own mark for "there is an application inside". */
const sentinelFuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/** Writes the program to `target` in one step. Same parts, same bytes. */
export async function writeSea(parts: SeaParts, target: string): Promise<void> {
  const blob = await makeBlob(parts)
  const part = `${target}.part`
  await mkdir(dirname(target), { recursive: true })
  try {
    await writeFile(part, stripSymbols(await readFile(parts.base)))
    await inject(part, 'NODE_SEA_BLOB', blob, { sentinelFuse })
    await chmod(part, 0o755)
    await rename(part, target)
  } finally {
    await rm(part, { force: true })
  }
}

async function makeBlob({ blobMaker, script, files, flags, workDirectory }: SeaParts): Promise<Buffer> {
  const assets: Record<string, string> = {}
  for (const [name, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    assets[name] = join('files', name)
    const path = join(workDirectory, 'files', name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
  await writeFile(join(workDirectory, 'boot.cjs'), script)
  // Names relative to the working directory: Node writes that of the script into the blob.
  const config = {
    main: 'boot.cjs',
    output: 'blob',
    disableExperimentalSEAWarning: true,
    // Code cache and snapshot are of one processor, and no faster with modules that are loaded as needed.
    useCodeCache: false,
    useSnapshot: false,
    execArgv: flags,
    // By NODE_OPTIONS, as with any Node. `cli` would take a word out of the command line wherever it stands, also behind `exec POD --`.
    execArgvExtension: 'env',
    assets,
  }
  await writeFile(join(workDirectory, 'sea.json'), JSON.stringify(config))
  const [maker = '', ...words] = blobMaker
  await runTool(maker, [...words, '--experimental-sea-config', 'sea.json'], { cwd: workDirectory })
  return readFile(join(workDirectory, 'blob'))
}
