/** Asks before something that cannot be taken back. */
import { createInterface } from 'node:readline'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** Resolves to whether to go on. Throws UsageError when nobody is there to ask. */
export async function confirm(question: string, yes: boolean, terminal: Terminal): Promise<boolean> {
  if (yes) return true
  if (!terminal.stdin.isTTY) throw new UsageError(`${question} Nobody is here to say so: use --yes`)
  terminal.warn(`${question} [y/N] `)
  const lines = createInterface({ input: terminal.stdin })
  try {
    const { promise, resolve } = Promise.withResolvers<string>()
    lines.once('line', resolve).once('close', () => resolve(''))
    if (/^y(es)?$/i.test((await promise).trim())) return true
    terminal.warn('Nothing was done.\n')
    return false
  } finally {
    lines.close()
  }
}
