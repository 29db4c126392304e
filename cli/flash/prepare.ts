/** All that must be known before a card is written: the image and what it is, the board, names, keys. Nothing is written yet. */
import { readFile } from 'node:fs/promises'
import type { CardSettings, Wifi } from '../../contract/card/card-settings.ts'
import { checkNodeName } from '../../contract/wire/identity.ts'
import { loadProfile } from '../../firmware-config/load-profile.ts'
import { type BoardProfile, boardNames } from '../../firmware-config/profile.ts'
import { type Assets, programAssets } from '../../kit/assets.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { askLine, canAsk } from './ask.ts'
import { behindSudo } from './behind-sudo.ts'
import { type CardImage, openCardImage } from './card-image.ts'
import { checkImageSum } from './disk/checksum-file.ts'
import type { ProgressDisplay } from './disk/progress-display.ts'
import { findImage, findPackage, surroundingsOf } from './find-files.ts'
import { type ImageKind, imageKindOf, mismatchOf } from './image-kind.ts'
import { readSshKeys } from './ssh-keys.ts'
import { resolveWifi } from './wifi.ts'
import { type FlashWish, namesOf, settingsOf } from './wish.ts'

export interface Preparation {
  wish: FlashWish
  assets: Assets
  profile: BoardProfile
  image: CardImage
  kind: ImageKind
  /** For images that are not ours. */
  package: { path: string; content: Uint8Array } | undefined
  /** One for each card. */
  cards: CardSettings[]
  /** The file that confirms the image; undefined when its maker gave none. */
  confirmedBy: string | undefined
}

const maxTries = 3

/** Rejects with what is wrong, asks for what is missing. Whoever gets it closes `image`. */
export async function prepare(wish: FlashWish, terminal: Terminal, display: ProgressDisplay): Promise<Preparation> {
  const assets = programAssets()
  const profile = loadProfile(assets, wish.board ?? (await askBoard(assets, terminal)))
  const names = namesOf(wish.hostname ?? (await askHostname(terminal)), wish.count)
  const sshKeys = await readSshKeys(wish.sshKeyFiles)
  const path = wish.image ?? (await findImage(profile.architecture, surroundingsOf(await behindSudo(terminal))))
  const wifi = wish.wifi && (await resolveWifi(wish.wifi, terminal))
  const confirmedBy = await checkImageSum(path, { progress: display.show, signal: terminal.hungUp })
  const image = await openCardImage(path, assets, terminal.hungUp)
  try {
    const kind = kindFor(profile, image)
    if (wish.wifi && kind.by === 'own' && profile.firmware === 'uefi') throw withoutWifi(profile, kind)
    const debian = kind.by === 'own' ? undefined : await readPackage(wish, profile, terminal)
    const cards = names.map((hostname, index) => cardFor(wish, { profile, hostname, index, wifi, sshKeys }))
    return { wish, assets, profile, image, kind, package: debian, cards, confirmedBy }
  } catch (error) {
    await image.close()
    throw error
  }
}

function kindFor(profile: BoardProfile, { stock, source }: CardImage): ImageKind {
  const kind = imageKindOf(stock)
  const mismatch = mismatchOf(kind, profile)
  if (mismatch === undefined) return kind
  const way = `take an image for ${profile.architecture}, or another --board`
  throw new CodedError('Invalid', `cannot use ${source.path} for ${profile.name}: because ${mismatch}: ${way}`)
}

function withoutWifi({ name }: BoardProfile, { title }: ImageKind): UsageError {
  const way = "take a cable, or an image of Debian's or of the board's maker (--image)"
  return new UsageError(`--wifi: ${title} has drivers for the wifi of Raspberry Pis only, and none for ${name}: ${way}`)
}

interface CardParts {
  profile: BoardProfile
  hostname: string
  index: number
  wifi: Wifi | undefined
  sshKeys: string[]
}

function cardFor(wish: FlashWish, { profile, hostname, index, wifi, sshKeys }: CardParts): CardSettings {
  const settings = settingsOf(wish, { board: profile.name, hostname, index })
  return { ...settings, ...(wifi && { wifi }), ...(sshKeys.length > 0 && { sshKeys }) }
}

async function readPackage(
  wish: FlashWish,
  profile: BoardProfile,
  terminal: Terminal,
): Promise<Preparation['package']> {
  const path = wish.package ?? (await findPackage(profile.architecture, surroundingsOf(await behindSudo(terminal))))
  // By its name, as Debian builds them: apt would refuse it on the board, again and again.
  const [, named = profile.architecture] = /_(amd64|arm64|armhf|armel|i386)\.deb$/.exec(path) ?? []
  if (named !== profile.architecture) {
    const why = `it is for ${named}, and ${profile.name} needs ${profile.architecture}`
    throw new CodedError('Invalid', `cannot use ${path}: because ${why}: take the package for that`)
  }
  const content = await readFile(path).catch(error => {
    throw new CodedError('NotFound', `cannot read ${path}: because ${messageOf(error)}`, { cause: error })
  })
  // deb(5): an ar archive whose first member is debian-binary.
  if (content.toString('latin1', 0, 21) === '!<arch>\ndebian-binary') return { path, content }
  throw new CodedError('Invalid', `cannot use ${path}: because it is no Debian package`)
}

async function askBoard(assets: Assets, terminal: Terminal): Promise<string> {
  if (!canAsk(terminal)) throw new UsageError(`--board is missing: one of ${boardNames.join(', ')}`)
  const rows = boardNames.map((name, index) => `  ${index + 1}  ${name.padEnd(14)} ${loadProfile(assets, name).title}`)
  terminal.warn(`Boards:\n${rows.join('\n')}\n`)
  return askUntil('Which board is it for? Its number or name: ', terminal, answer => {
    const found = boardNames.find((name, index) => name === answer || String(index + 1) === answer)
    return found === undefined ? { problem: `There is no ${answer || 'such board'} in the list.` } : { value: found }
  })
}

async function askHostname(terminal: Terminal): Promise<string> {
  if (!canAsk(terminal)) throw new UsageError('--hostname is missing: the name of the board, such as board-1')
  return askUntil('What is the board to be called (such as board-1)? ', terminal, answer => {
    const problem = checkNodeName(answer)
    return problem === undefined ? { value: answer } : { problem: `${problem}.` }
  })
}

async function askUntil(
  question: string,
  terminal: Terminal,
  read: (answer: string) => { value: string } | { problem: string },
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const answer = read(await askLine(question, terminal))
    if ('value' in answer) return answer.value
    if (attempt === maxTries) throw new UsageError(answer.problem)
    terminal.warn(`${answer.problem}\n`)
  }
}
