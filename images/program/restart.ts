/** Starts the packed program anew, as the same process, with the settings of Node that the part to be run wants. */
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
  const { NODE_OPTIONS: given = '', MALLOC_ARENA_MAX: arenas } = process.env
  const missing = wanted.filter(flag => !given.split(' ').includes(flag))
  if (missing.length === 0 && arenas === '1') return
  const options = [given, ...missing].join(' ').trim()
  const [, name = 'flotilla', ...words] = process.argv
  const env = { ...process.env, NODE_OPTIONS: options, MALLOC_ARENA_MAX: '1', [marker]: '1' }
  process.execve(process.execPath, [name, ...words], env)
}
