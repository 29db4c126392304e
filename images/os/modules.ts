/** Which kernel modules need which. */

import { existsSync, symlinkSync } from 'node:fs'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { run } from '../run.ts'

/** Paths below the modules' folder (`kernel/fs/ext4/ext4.ko.xz`) → those that must be loaded before. */
export type ModuleNeeds = Map<string, string[]>

/** `base` is a root with `usr/lib/modules/<version>` in it. Writes modules.dep and its like beside the modules. */
export async function indexModules(base: string, version: string): Promise<ModuleNeeds> {
  // Where depmod looks: a whole root has this link already.
  if (!existsSync(join(base, 'lib'))) symlinkSync('usr/lib', join(base, 'lib'))
  await run('depmod', ['--basedir', base, version])
  const text = await readFile(join(base, 'usr/lib/modules', version, 'modules.dep'), 'utf8')
  const lines = text.split('\n').filter(line => line.includes(':'))
  return new Map(
    lines.map(line => {
      const [path = '', needs = ''] = line.split(':')
      return [path, needs.split(' ').filter(need => need !== '')]
    }),
  )
}

/** The modules that `isWanted`, and all that they need, sorted. */
export function selectModules(needs: ModuleNeeds, isWanted: (path: string) => boolean): string[] {
  const wanted = [...needs.keys()].filter(isWanted)
  return [...new Set(wanted.flatMap(path => [path, ...(needs.get(path) ?? [])]))].sort()
}

/** Copies these, and the lists that depmod needs beside them, from one folder of modules to another. */
export async function copyModules(paths: readonly string[], from: string, to: string): Promise<void> {
  for (const folder of new Set(paths.map(path => dirname(path)))) await mkdir(join(to, folder), { recursive: true })
  for (const path of [...paths, 'modules.builtin', 'modules.builtin.modinfo', 'modules.order'])
    await copyFile(join(from, path), join(to, path))
}
