/** `flotilla first-boot`: makes a board that starts from a flashed card the node that the card names. Started by its unit, not by people. */
import type { Command } from '../kit/command-line.ts'
import { createLog } from '../kit/log.ts'
import { untilSignalled } from '../kit/process.ts'
import { firstBootHere } from './board/first-boot/first-boot-here.ts'

export const firstBootCommand: Command = {
  name: 'first-boot',
  summary: 'What a board does when it starts from a flashed card for the first time',
  hidden: true,
  examples: ['$ systemctl status flotilla-first-boot    how far it is; also on the screen and in flotilla/status.txt'],
  async run() {
    const ending = new AbortController()
    const signalled = untilSignalled().then(signal => ending.abort(new Error(`ended by ${signal}`)))
    try {
      await Promise.race([firstBootHere(ending.signal, createLog()), signalled])
    } catch (error) {
      if (!ending.signal.aborted) throw error
    }
    // What is left is done at the next start.
    return ending.signal.aborted ? 1 : 0
  },
}
