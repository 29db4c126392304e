/** How this program is started again, by whoever needs a process of its own for a part of the work. */
import { packedFiles } from './packed-files.ts'

/** With the same settings of Node; the words of the command follow. */
export function ownCommand({ execPath, execArgv, argv }: NodeJS.Process = process): string[] {
  // Settings of a packed program are inside it and in NODE_OPTIONS, which a child has too.
  return packedFiles() ? [execPath] : [execPath, ...execArgv, argv[1] ?? '']
}
