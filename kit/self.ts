/** How this program is started again, by whoever needs a process of its own for a part of the work. */
import { packedFiles } from './packed-files.ts'

/** With the same settings of Node; the words of the command follow. */
export function ownCommand({ execPath, execArgv, argv }: NodeJS.Process = process): string[] {
  if (!packedFiles()) return [execPath, ...execArgv, argv[1] ?? '']
  // All of a packed program's words are its own but this one, which Node takes out: `execArgvExtension: "cli"`.
  return [execPath, ...(execArgv.length > 0 ? [nodeOptionsWord(execArgv)] : [])]
}

/** For a packed program: flags of Node and V8, none of which has spaces. */
export function nodeOptionsWord(flags: string[]): string {
  return `--node-options=${flags.join(' ')}`
}
