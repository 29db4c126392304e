/** The flotilla program that runs us: the lab starts it again as master, as agents and as a client. */
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** The launcher says where it is; without one, we are a script that Node runs. */
export function findProgram(env: NodeJS.ProcessEnv = process.env, argv: string[] = process.argv): string[] {
  const launcher = env['FLOTILLA_PROGRAM']
  if (launcher) return [resolve(launcher)]
  return [process.execPath, realpathSync(argv[1] ?? '')]
}

/** The folder that whoever runs the program must be able to read: the clone, of one that was built there. */
export function folderOf(program: string[]): string {
  const folder = dirname(program.at(-1) ?? '')
  return basename(folder) === 'dist' ? dirname(folder) : folder
}

/** The image archives that came with the program. */
export function findImages(program: string[]): string[] {
  const folder = join(dirname(program.at(-1) ?? ''), 'images')
  if (!existsSync(folder)) return []
  const archives = readdirSync(folder).filter(name => name.endsWith('.tar'))
  return archives.sort().map(name => join(folder, name))
}
