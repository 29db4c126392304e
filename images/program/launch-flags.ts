/** The settings of Node that the launcher gives to a part, for the packed program to take by itself. */
import { CodedError } from '../../kit/errors.ts'
import type { LaunchFlags } from './restart.ts'

/** `launcher` is the text of `cli/launcher.sh`, which has a line `agent_flags='…'` for each part that wants some. */
export function parseLaunchFlags(launcher: string): LaunchFlags {
  const lines = [...launcher.matchAll(/^(\w+)_flags='([^']*)'$/gm)]
  if (lines.length === 0)
    throw new CodedError('Invalid', 'cannot read the launcher: because it has no line such as agent_flags=…')
  return Object.fromEntries(lines.map(([, part, flags]) => [part!, flags!.split(' ')]))
}
