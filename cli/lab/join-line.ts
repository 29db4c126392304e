/** Gives a board of the lab what a person would paste on it: a line by which it joins, bound to its name. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { onBoard } from '../../contract/card/card-places.ts'
import { writePrivateFile } from '../../kit/private-file.ts'
import type { Machine } from './layout.ts'
import { run } from './run.ts'
import type { Lab } from './state.ts'

/** Longer than any board takes to start. */
const ttl = '10m'

/** A board that has joined stays who it is. Resolves to whether a line was made. */
export async function ensureJoinLine({ layout, state }: Lab, board: Machine): Promise<boolean> {
  // What is /var/lib/flotilla on the board.
  const disk = join(board.dir, 'flotilla')
  if (existsSync(join(disk, 'identity', 'identity.json'))) return false
  const words = ['token', 'create', '--node', board.name, '--ttl', ttl]
  const line = await run([...state.program, ...words], { env: { FLOTILLA_CONFIG: layout.configFile } })
  await mkdir(disk, { recursive: true })
  await writePrivateFile(join(disk, basename(onBoard.join)), line)
  return true
}
