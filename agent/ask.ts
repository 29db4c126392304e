/** Asks the person at the terminal whether to go on. */
import type { LineInput } from './join-input.ts'

export interface AskTerminal {
  stdin: LineInput
  stderr: { write(text: string): unknown }
}

/** An answer is one line; more is no answer. */
const maxCharacters = 100

/** False without a terminal, and for everything but yes. */
export async function askYes(question: string, { stdin, stderr }: AskTerminal): Promise<boolean> {
  if (!stdin.isTTY) return false
  stderr.write(`${question} [y/N] `)
  let text = ''
  try {
    // Not ended here: the next question may come.
    for await (const chunk of stdin.iterator?.({ destroyOnReturn: false }) ?? stdin) {
      text += chunk.toString()
      if (text.includes('\n') || text.length > maxCharacters) break
    }
  } finally {
    stdin.pause?.()
  }
  return /^y(es)?$/i.test(text.trim())
}
