/** `flotilla first-boot`: makes a board that starts from a flashed card the node that the card names. Started by its unit, not by people. */
import { bootMount, onBoot } from '../contract/card/card-places.ts'
import type { Command } from '../kit/command-line.ts'
import { CodedError } from '../kit/errors.ts'
import { createLog } from '../kit/log.ts'
import { untilSignalled } from '../kit/process.ts'
import { type Disk, systemDisk } from './board/disk.ts'
import { firstBootHere } from './board/first-boot/first-boot-here.ts'
import { isOwnImage } from './board/own-image.ts'

export const firstBootCommand: Command = {
  name: 'first-boot',
  summary: 'What a board does when it starts from a flashed card for the first time',
  hidden: true,
  examples: ['$ systemctl status flotilla-first-boot    how far it is; also on the screen and in flotilla/status.txt'],
  async run() {
    await refuseElsewhere(systemDisk())
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

/** Not on a machine that has nothing to do with a card: it would be told on its screens, for ever, that its card is missing. */
export async function refuseElsewhere(disk: Disk): Promise<void> {
  const settings = `${bootMount}/${onBoot.settings}`
  if ((await isOwnImage(disk)) || (await disk.read(settings)) !== undefined) return
  const way = 'To make this machine a node, run "flotilla join"; to see what it lacks, "flotilla doctor"'
  const why = `there is no ${settings} here: it did not start from a card of "flotilla flash"`
  throw new CodedError('NotFound', `cannot do the first start of a board: because ${why}. ${way}`)
}
