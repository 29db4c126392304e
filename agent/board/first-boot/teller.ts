/** Tells how far the first start is, or what is wrong: on the screen and the serial line, by the LED, on the card, and in the journal. */
import { messageOf } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'
import type { Disk } from '../disk.ts'
import type { Card } from './card.ts'
import type { Led, LedSign } from './led.ts'
import { blinksOf, type Problem } from './problem.ts'

export interface TellerParts {
  disk: Disk
  card: Pick<Card, 'tell'>
  led: Pick<Led, 'show'>
  log: Log
}

/** Each further one is a screen or a line that says the same. */
const maxConsoles = 4
/** One less than the narrowest have, so that none goes on in the next line by itself. */
const consoleColumns = 79

export class Teller {
  #parts: TellerParts
  #said = ''
  #consoles: string[] | undefined

  constructor(parts: TellerParts) {
    this.#parts = parts
  }

  /** `where`: `step 3 of 9`. */
  async step(where: string, title: string): Promise<void> {
    await this.#tell(`${where}: ${title}`, 'working')
  }

  /** Said once, however often it is met. */
  async problem(where: string, problem: Problem): Promise<void> {
    const { kind, text, isFinal } = problem
    const next = isFinal ? 'This needs you' : 'Trying again'
    const sentence = text.endsWith('?') ? text : `${text.replace(/\.$/, '')}.`
    await this.#tell(`${where}: ${sentence} ${next}`, { blinks: blinksOf[kind] })
  }

  async done(text: string): Promise<void> {
    await this.#tell(text, 'done')
  }

  /** On the screens alone: what happens within a step. */
  async say(said: string): Promise<void> {
    const line = inOneLine(said)
    this.#parts.log.info(line)
    await this.#print(line)
  }

  async #tell(said: string, sign: LedSign): Promise<void> {
    const { card, led, log } = this.#parts
    const text = inOneLine(said)
    await led.show(sign)
    if (text === this.#said) return
    this.#said = text
    log.info(text)
    await this.#print(text)
    try {
      await card.tell(text)
    } catch (error) {
      log.warn('cannot write how far it is onto the card', { reason: messageOf(error) })
    }
  }

  async #print(text: string): Promise<void> {
    this.#consoles ??= await findConsoles(this.#parts.disk)
    // Over the prompt of a login, where there is one: it comes again when somebody presses Enter.
    const line = `\r${`flotilla: ${text}`.padEnd(consoleColumns)}\r\n`
    // A screen that is not there takes nothing, and is no reason to stop.
    for (const path of this.#consoles) await this.#parts.disk.poke(path, line).catch(() => undefined)
  }
}

/** A word of the card, or of whoever answers on the LAN, may hold what would command a terminal. */
function inOneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ')
}

/** The first screen, and where the kernel's own messages go (Documentation/admin-guide/serial-console). */
export async function findConsoles(disk: Pick<Disk, 'read'>): Promise<string[]> {
  const active = ((await disk.read('/sys/class/tty/console/active')) ?? '').split(/\s+/).filter(Boolean)
  const serial = active.filter(name => !/^tty\d+$/.test(name))
  return ['tty1', ...serial].slice(0, maxConsoles).map(name => `/dev/${name}`)
}
