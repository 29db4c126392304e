/** Whose clusters and images are meant: writing to a drive is root's business, and these are in the home of whoever called sudo. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { findConfigPath } from '../config.ts'
import type { Terminal } from '../terminal.ts'

interface Process {
  isRoot: boolean
  /** passwd(5). */
  accounts: string
}

/** The same terminal, in the home of the person behind sudo, unless root has a way to a master of its own. */
export async function behindSudo<T extends Terminal>(
  terminal: T,
  { isRoot = process.geteuid?.() === 0, accounts = '/etc/passwd' }: Partial<Process> = {},
): Promise<T> {
  const { env, homeDirectory } = terminal
  const uid = env['SUDO_UID'] ?? ''
  if (!isRoot || !/^[1-9]\d*$/.test(uid)) return terminal
  const own = findConfigPath({ env, homeDirectory })
  if (own !== undefined && existsSync(own)) return terminal
  // Name, password, uid, gid, comment, home, shell.
  const lines = (await readFile(accounts, 'utf8')).split('\n').map(line => line.split(':'))
  const home = lines.find(fields => fields[2] === uid)?.[5]
  return home ? { ...terminal, homeDirectory: home } : terminal
}
