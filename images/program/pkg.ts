/** Packs with `@yao-pkg/pkg` instead, to compare: `./build.sh pack --with pkg`. See decision 19. */

import { chmod, copyFile, mkdir, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { runTool } from './run-tool.ts'

export interface PkgParts {
  /** The Node to put it into, and its version, `24.21.0`. */
  base: string
  nodeVersion: string
  architecture: 'x64' | 'arm64'
  script: string
  /** Inside the program, by name: in a folder that pkg's own file system shows beside the script. */
  files: Map<string, Uint8Array>
  /** An empty folder for what is put together. */
  workDirectory: string
}

const timeoutMs = 300_000

/** Writes the program to `target` in one step. */
export async function writePkg(parts: PkgParts, target: string): Promise<void> {
  const { architecture, nodeVersion, workDirectory } = parts
  await fillCache(parts)
  const project = await writeProject(parts)
  const output = join(workDirectory, 'program')
  const words = [project, '--sea', '--targets', `node${nodeVersion}-linux-${architecture}`, '--output', output]
  const { PATH } = process.env
  const pkg = join(dirname(createRequire(import.meta.url).resolve('@yao-pkg/pkg/package.json')), 'lib-es5/bin.js')
  await runTool(process.execPath, [pkg, ...words], {
    timeoutMs,
    cwd: workDirectory,
    env: { PATH, HOME: workDirectory },
  })
  await mkdir(dirname(target), { recursive: true })
  await copyFile(output, `${target}.part`)
  await chmod(`${target}.part`, 0o755)
  await rename(`${target}.part`, target)
}

/** Resolves to its folder. */
async function writeProject({ script, files, workDirectory }: PkgParts): Promise<string> {
  const project = join(workDirectory, 'project')
  for (const [name, content] of files) {
    const path = join(project, 'files', name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
  await writeFile(join(project, 'main.cjs'), script)
  // Its addons are written out by our own code, as with Node's own packing.
  const manifest = { name: 'flotilla', version: '0.0.0', bin: 'main.cjs', pkg: { assets: ['files/**/*'] } }
  await writeFile(join(project, 'package.json'), JSON.stringify(manifest))
  return project
}

/** Makes pkg find what it would download: an archive that was verified, unpacked, each with its mark. Its cache is below the home. */
async function fillCache({ base, nodeVersion, architecture, workDirectory }: PkgParts): Promise<void> {
  const cache = join(workDirectory, '.pkg-cache/sea')
  const name = `node-v${nodeVersion}-linux-${architecture}`
  await mkdir(join(cache, name, 'bin'), { recursive: true })
  await copyFile(base, join(cache, name, 'bin/node'))
  for (const file of [`${name}/bin/node.ok`, `${name}.tar.gz`, `${name}.tar.gz.ok`])
    await writeFile(join(cache, file), '')
}
