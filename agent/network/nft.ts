/** The only file that starts nft: a transaction in, a fingerprint out. Callers take turns, so that there is one nft at a time. */
import type { RunCommand } from './command.ts'
import { tableName } from './render-rules.ts'

/** All or nothing. Rejects with nft's own message. */
export async function writeRules(run: RunCommand, transaction: string): Promise<void> {
  await run(['nft', '-f', '-'], { stdin: transaction })
}

/**
 * The chains, rules, maps and sets of our table without their elements, as one text to compare; undefined when there is no such
 * table. Its cost does not grow with the services.
 */
export async function readFingerprint(run: RunCommand): Promise<string | undefined> {
  // nft ends with 1 when the table is missing, and then prints nothing on stdout.
  const json = await run(['nft', '-j', '-t', 'list', 'table', 'ip', tableName], { allowed: [0, 1] })
  return json.trim() === '' ? undefined : json
}
