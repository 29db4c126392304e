/** What the card says to the board: read from the boot partition, which whoever holds the card may have edited. */
import { bootMount, onBoot } from '../../../contract/card/card-places.ts'
import type { CardSettings } from '../../../contract/card/card-settings.ts'
import { parseCardSettings } from '../../../contract/card/read-card.ts'
import { type JoinTicket, parseTicket } from '../../../contract/wire/join.ts'
import { messageOf } from '../../../kit/errors.ts'
import { type Disk, forgetFile, putFile } from '../disk.ts'
import { type RunProgram, runOrFail } from '../run-program.ts'
import { cardUnreadable } from './problem.ts'

const settingsPath = `${bootMount}/${onBoot.settings}`
const joinPath = `${bootMount}/${onBoot.join}`
const statusPath = `${bootMount}/${onBoot.status}`
/** Our own image's initrd could not make the card whole (`images/os/initrd/card.sh`), and says why. /var is in memory then. */
const problemPath = '/run/flotilla-card/problem'

export class Card {
  #disk: Disk
  #run: RunProgram

  constructor(disk: Disk, run: RunProgram) {
    this.#disk = disk
    this.#run = run
  }

  /**
   * Rejects with a problem that names the file and what is wrong with it. Also when nothing is wrong with the file but with the card
   * itself: what would be done now, the board would forget, and a join would use up the card's line for one evening.
   */
  async settings(): Promise<CardSettings> {
    const problem = await this.#disk.read(problemPath)
    if (problem !== undefined) throw cardUnreadable(problem.trim())
    const text = await this.#disk.read(settingsPath)
    if (text === undefined)
      throw cardUnreadable(`there is no ${onBoot.settings} on its boot partition. Write it with "flotilla flash"`)
    try {
      return parseCardSettings(text)
    } catch (error) {
      throw cardUnreadable(messageOf(error), error)
    }
  }

  /** Undefined when the line is not there, or was forgotten half-way. Rejects with a problem when it cannot be read. */
  async ticket(): Promise<JoinTicket | undefined> {
    const text = await this.#disk.read(joinPath)
    if (text === undefined || text.trim() === '') return undefined
    try {
      return parseTicket(text)
    } catch (error) {
      throw cardUnreadable(`${onBoot.join}: ${messageOf(error)}`, error)
    }
  }

  /** Whoever finds the card later finds nothing to join by. */
  async forgetTicket(): Promise<void> {
    await this.#writing(() => forgetFile(this.#disk, joinPath))
  }

  /** One line, for whoever puts the card into a laptop. Written when it changes: a FAT has no journal. */
  async tell(status: string): Promise<void> {
    await this.#writing(() => putFile(this.#disk, statusPath, { content: `${status}\n` }))
  }

  /**
   * The boot partition is mounted to be written, by our own image as by others. It is read-only where its owner wants it so, and where
   * the kernel has found an error in it (mount(8): `errors=remount-ro` is the default of a FAT): then it is so again after.
   */
  async #writing(write: () => Promise<unknown>): Promise<void> {
    try {
      await write()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw error
      await runOrFail(this.#run, ['mount', '-o', 'remount,rw', bootMount])
      try {
        await write()
      } finally {
        await this.#run(['mount', '-o', 'remount,ro', bootMount])
      }
    }
  }
}
