/** One card after another: a token of its own, written, verified; what was made for a card that failed is taken back. */
import type { CardSettings } from '../../contract/card/card-settings.ts'
import { parseTicket } from '../../contract/wire/join.ts'
import { rfc3339, sleep } from '../../kit/clock.ts'
import { CodedError, hasCode, messageOf } from '../../kit/errors.ts'
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
    const target = await targetFor(parts, done)
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
  done: FlashedCard[],
): Promise<ChosenTarget> {
  const { cards, wish } = preparation
  const index = done.length
  const target = targets[index]!
  if (target.kind === 'file' || index === 0) return target
  const [written, next] = [cards[index - 1]!.hostname, cards[index]!.hostname]
  const change = `Take the card of ${written} out, and put one for ${next} into ${target.path}`
  for (let attempt = 1; attempt <= maxChanges; attempt++) {
    if (canAsk(terminal)) await askLine(`${change}, then press Enter. `, terminal)
    else terminal.warn(`${change}.\n`)
    const drive = await nextCard({ path: target.path, choice, terminal, done })
    terminal.warn(`${driveLines(drive).join('\n')}\n`)
    if (wish.yes) return { ...target, drive }
    const answer = await askLine(`All that is in ${target.path} will be gone. Go on with ${next}? [y/N] `, terminal)
    if (/^y(es)?$/i.test(answer)) return { ...target, drive }
  }
  throw new CodedError('Timeout', `cannot go on with ${next}: because no card for it was agreed to`)
}

interface NextCard {
  path: string
  choice: ChoiceParts
  terminal: Terminal
  /** Those of this run, which must not be written again. */
  done: FlashedCard[]
}

type RecheckedDrive = Awaited<ReturnType<typeof recheckDrive>>

/** Waits for a card that may be written. Whatever is wrong with the one that is in, another one may be put in its place. */
async function nextCard({ path, choice, terminal, done }: NextCard): Promise<RecheckedDrive> {
  const { clock, hungUp } = terminal
  const told = new Set<string>()
  for (const deadline = clock.monotonic() + changeWithinMs; clock.monotonic() < deadline; ) {
    const looked = await lookAtNext(path, choice, done)
    if (typeof looked !== 'string') return looked
    if (!told.has(looked)) terminal.warn(`${looked}\n`)
    told.add(looked)
    if (canAsk(terminal)) await askLine('Press Enter when the next card is in. ', terminal)
    else await sleep(clock, lookEveryMs, hungUp)
  }
  throw new CodedError('Timeout', `cannot go on with the next card: because none was put into ${path}`)
}

/** The drive with a card that may be written, or why that is not so. */
async function lookAtNext(path: string, choice: ChoiceParts, done: FlashedCard[]): Promise<RecheckedDrive | string> {
  try {
    const drive = await recheckDrive(path, choice)
    const found = await readCardOf(path)
    const written = done.find(({ tokenId }) => tokenId !== undefined && tokenId === tokenIdOf(found?.ticket))
    return written ? `This is still the card of ${written.hostname}.` : drive
  } catch (error) {
    if (hasCode(error, 'NotFound')) return `There is no card in ${path} yet.`
    // In use for a moment, pulled out while it was read, refused: all of that another card may mend.
    if (hasCode(error, 'Forbidden', 'ServiceUnavailable', 'Conflict')) return `Not this one: ${messageOf(error)}.`
    throw error
  }
}

/** By its join line a card is told from an older one of the same name. */
function tokenIdOf(ticket: string | undefined): string | undefined {
  try {
    return ticket === undefined ? undefined : parseTicket(ticket).token.id
  } catch {
    // No line of ours.
    return undefined
  }
}
