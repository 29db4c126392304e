/** `lab load`: puts an image archive on boards, as if they had pulled it. */
import { existsSync } from 'node:fs'
import { CodedError } from '../../kit/errors.ts'
import { inMachine } from './inside.ts'
import { findBoard, type Machine } from './layout.ts'
import { containerdSocket } from './render-containerd-config.ts'
import { run } from './run.ts'
import { openLab } from './state.ts'
import { poweredBoards } from './status.ts'

const importTimeoutMs = 300_000

/** Without names: on all boards that are on. Resolves to the boards' names. */
export async function loadImage(dir: string, archive: string, names: string[]): Promise<string[]> {
  const lab = await openLab(dir)
  if (!existsSync(archive)) throw new CodedError('NotFound', `cannot load ${archive}: because there is no such file`)
  const { layout, state } = lab
  const boards = names.length > 0 ? names.map(name => findBoard(layout, state.boards, name)) : poweredBoards(lab)
  await Promise.all(boards.map(board => importArchive(board, archive)))
  return boards.map(({ name }) => name)
}

/** `archive` is a file of this machine; the board may see another one at its path. */
export async function importArchive(board: Machine, archive: string): Promise<void> {
  // CRI looks for images in containerd's namespace k8s.io only.
  const command = ['ctr', '--address', containerdSocket, '--namespace', 'k8s.io', 'images', 'import', '-']
  await run(await inMachine(board, command), { stdinFile: archive, timeoutMs: importTimeoutMs })
}
