/** The flotilla program that runs us: the lab starts it again as master, as agents and as a client. */
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { onBoard } from '../../contract/card/card-places.ts'
import { type Assets, programAssets } from '../../kit/assets.ts'
import { makeDirectory } from '../../kit/directory.ts'
import { packedFiles } from '../../kit/packed-files.ts'

/** Packed, it is one file. The launcher says where it is; without one, we are a script that Node runs. */
export function findProgram(env: NodeJS.ProcessEnv = process.env, argv: string[] = process.argv): string[] {
  // Said to us, it would be about somebody else who started us.
  if (packedFiles()) return [process.execPath]
  const launcher = env['FLOTILLA_PROGRAM']
  if (launcher) return [resolve(launcher)]
  return [process.execPath, realpathSync(argv[1] ?? '')]
}

/** The folder that whoever runs the program must be able to read: the clone, of one that was built there. */
export function folderOf(program: string[]): string {
  const folder = dirname(program.at(-1) ?? '')
  return basename(folder) === 'dist' ? dirname(folder) : folder
}

/** The image archives that came with the program: beside it, of its package, or inside it, for which `unpackDir` takes them. */
export async function findImages(program: string[], unpackDir: string): Promise<string[]> {
  for (const folder of [join(dirname(program.at(-1) ?? ''), 'images'), onBoard.images]) {
    const archives = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.tar')) : []
    if (archives.length > 0) return archives.sort().map(name => join(folder, name))
  }
  return unpackImages(programAssets(), unpackDir)
}

async function unpackImages(assets: Assets, folder: string): Promise<string[]> {
  const names = assets.list('images').filter(name => name.endsWith('.tar'))
  if (names.length > 0) await makeDirectory(folder)
  const writing = names.map(async name => {
    const path = join(folder, basename(name))
    await writeFile(path, assets.read(name))
    return path
  })
  return Promise.all(writing)
}
