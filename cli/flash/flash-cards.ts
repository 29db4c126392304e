/** One card after another: a token of its own, written, verified; what was made for a card that failed is taken back. */
import type { CardSettings } from '../../contract/card/card-settings.ts'
import { rfc3339, sleep } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import type { Terminal } from '../terminal.ts'
import { askLine, canAsk, Interrupted } from './ask.ts'
import { type CardFile, cardContent } from './card-content.ts'
import { type ChoiceParts, type ChosenTarget, recheckDrive } from './choose-target.ts'
import { driveLines } from './describe-drive.ts'
import type { ProgressDisplay } from './disk/progress-display.ts'
import { placeholderTicket } from './dry-run.ts'
import type { Enrolment } from './enrol.ts'
import type { Preparation } from './prepare.ts'
import { readCardOf } from './read-card-of.ts'
import { cardLines, type FlashedCard, finalLines } from './tell.ts'
import type { Door } from './way-in.ts'
import { assertFits, writeCard } from './write-card.ts'

export interface FlashCardsParts {
  preparation: Preparation
  door: Door
  /** One for each card. */
  targets: ChosenTarget[]
  choice: ChoiceParts
  terminal: Terminal
  display: ProgressDisplay
}

/** How long somebody may take to change a card without a terminal to say so. */
const changeWithinMs = 30 * 60_000
const lookEveryMs = 1000
const maxChanges = 10

/** Resolves to the exit status. */
export async function flashCards(parts: FlashCardsParts): Promise<number> {
  const { preparation, terminal } = parts
  const { cards, wish } = preparation
  // Before a token is made, and before anything is erased.
  const files = filesFor(preparation, cards[0]!, placeholderTicket)
  await assertFits({ ...preparation, files })
  const done: FlashedCard[] = []
  for (const [index, settings] of cards.entries()) {
    const target = await targetFor(parts, index)
    const card = await flashOne(parts, settings, target)
    done.push(card)
    if (wish.json)
      terminal.print(`${JSON.stringify({ phase: 'done', index: index + 1, count: cards.length, ...card })}\n`)
    else terminal.print(`${cardLines(card, wish.verify).join('\n')}\n`)
  }
  if (wish.json) terminal.print(`${JSON.stringify({ phase: 'finished', cards: done })}\n`)
  else terminal.print(`${finalLines(preparation, done).join('\n')}\n`)
  return 0
}

async function flashOne(
  { preparation, door, terminal, display }: FlashCardsParts,
  settings: CardSettings,
  target: ChosenTarget,
): Promise<FlashedCard> {
  const { image, kind, wish } = preparation
  const { hostname } = settings
  const enrolment = await door.admit(hostname)
  try {
    const files = filesFor(preparation, settings, enrolment?.ticket)
    const how = { verify: wish.verify, progress: display.show, signal: terminal.hungUp, clock: terminal.clock }
    if (terminal.hungUp.aborted) throw new Interrupted()
    const { bytes, sha256 } = await writeCard({ image, kind, files, target, ...how }).finally(() => display.stop())
    await enrolment?.settle()
    return {
      hostname,
      target: target.path,
      bytes,
      sha256,
      ...tokenOf(enrolment),
      flashedAt: rfc3339(terminal.clock.now()),
    }
  } catch (error) {
    await enrolment?.undo()
    throw error
  }
}

function tokenOf(enrolment: Enrolment | undefined): Partial<Pick<FlashedCard, 'tokenId' | 'expires'>> {
  const { tokenId, expires } = enrolment ?? {}
  return { ...(tokenId !== undefined && { tokenId }), ...(expires !== undefined && { expires }) }
}

function filesFor(preparation: Preparation, settings: CardSettings, ticket: string | undefined): CardFile[] {
  const { wish, package: debian, image } = preparation
  const line = wish.role === 'master' ? undefined : ticket
  return cardContent({ ...preparation, settings, ticket: line, package: debian?.content }, image.stock)
}

/** The next card in the same drive, which must not be the last one again; and it may hold what somebody wants to keep. */
async function targetFor(
  { preparation, targets, choice, terminal }: FlashCardsParts,
  index: number,
): Promise<ChosenTarget> {
  const { cards, wish } = preparation
  const target = targets[index]!
  if (target.kind === 'file' || index === 0) return target
  const [written, next] = [cards[index - 1]!.hostname, cards[index]!.hostname]
  const change = `Take the card of ${written} out, and put one for ${next} into ${target.path}`
  for (let attempt = 1; attempt <= maxChanges; attempt++) {
    if (canAsk(terminal)) await askLine(`${change}, then press Enter. `, terminal)
    else terminal.warn(`${change}.\n`)
    const drive = await nextCard({ path: target.path, written, choice, terminal })
    terminal.warn(`${driveLines(drive).join('\n')}\n`)
    if (wish.yes) return { ...target, drive }
    const answer = await askLine(`All that is in ${target.path} will be gone. Go on with ${next}? [y/N] `, terminal)
    if (/^y(es)?$/i.test(answer)) return { ...target, drive }
  }
  throw new CodedError('Timeout', `cannot go on with ${next}: because no card for it was agreed to`)
}

interface NextCard {
  path: string
  /** The name on the card that must not be written again. */
  written: string
  choice: ChoiceParts
  terminal: Terminal
}

async function nextCard({
  path,
  written,
  choice,
  terminal,
}: NextCard): Promise<Awaited<ReturnType<typeof recheckDrive>>> {
  const { clock, hungUp } = terminal
  const told = new Set<string>()
  for (const deadline = clock.monotonic() + changeWithinMs; clock.monotonic() < deadline; ) {
    const drive = await recheckDrive(path, choice).catch(error => {
      if (error instanceof CodedError && error.code === 'NotFound') return undefined
      throw error
    })
    const found = drive && (await readCardOf(path))
    if (drive && found?.settings?.hostname !== written) return drive
    const why = drive ? `This is still the card of ${written}.` : `There is no card in ${path} yet.`
    if (!told.has(why)) terminal.warn(`${why}\n`)
    told.add(why)
    if (canAsk(terminal)) await askLine('Press Enter when the next card is in. ', terminal)
    else await sleep(clock, lookEveryMs, hungUp)
  }
  throw new CodedError('Timeout', `cannot go on with the next card: because none was put into ${path}`)
}
