/** Starts the packed program anew, as the same process, with the settings of Node that the part to be run wants. */
import { nodeOptionsWord } from '../../kit/self.ts'

/** Flags of Node by the first word of the command line. */
export type LaunchFlags = Record<string, string[]>

/** Says that this is the second start, so that there is never a third. */
const marker = 'FLOTILLA_RESTARTED'

/** Does not return when it starts anew. V8 takes its heap's limits and `--jitless` only at its start, malloc its arenas too. */
export function restartWith(launch: LaunchFlags): void {
  const wanted = launch[process.argv[2] ?? '']
  const isSecond = process.env[marker] !== undefined
  delete process.env[marker]
  if (!wanted || isSecond || !process.execve) return
  const missing = wanted.filter(flag => !process.execArgv.includes(flag))
  if (missing.length === 0 && process.env['MALLOC_ARENA_MAX'] === '1') return
  const [, name = 'flotilla', ...words] = process.argv
  const argv = [name, nodeOptionsWord([...process.execArgv, ...missing]), ...words]
  process.execve(process.execPath, argv, { ...process.env, MALLOC_ARENA_MAX: '1', [marker]: '1' })
}
