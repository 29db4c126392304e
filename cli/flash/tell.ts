/** What flash tells people: before it writes, after each card, and what happens next. Pure. */
import type { CardSettings } from '../../contract/card/card-settings.ts'
import { formatDuration } from '../durations.ts'
import { cleanLine } from '../table.ts'
import type { ChosenTarget } from './choose-target.ts'
import { driveLines } from './describe-drive.ts'
import { formatSize } from './disk/format-size.ts'
import type { Preparation } from './prepare.ts'

/** Lines with nothing that the terminal would obey: names in images and on cards are whoever's. */
export function printable(text: string): string {
  return text.split('\n').map(cleanLine).join('\n')
}

export interface FlashedCard {
  hostname: string
  /** The drive or file. */
  target: string
  bytes: number
  sha256: string
  /** RFC 3339, by the clock of this machine. */
  flashedAt: string
  tokenId?: string
  /** RFC 3339: until when its first start may come. */
  expires?: string
}

/** All that is about to happen, for whoever says yes to it. */
export function planLines(preparation: Preparation, targets: ChosenTarget[], joins: string): string[] {
  const { image, kind, profile, cards, confirmedBy, wish, package: debian } = preparation
  const { size } = image.source
  const names = cards.map(({ hostname }) => hostname)
  const rows: Array<[string, string | undefined]> = [
    [
      'Image',
      [kind.title, image.source.path, size === undefined ? '' : formatSize(size)]
        .filter(part => part !== '')
        .join(', '),
    ],
    ['', kind.by === 'own' && profile.ownImageLacks ? `LOOK TWICE: it lacks ${profile.ownImageLacks}` : undefined],
    ['', confirmedBy === undefined ? undefined : `its checksum is that of ${confirmedBy}`],
    ['Package', debian && `${debian.path}, ${formatSize(debian.content.length)}`],
    [
      'Board',
      `${names.length > 3 ? `${names[0]} to ${names.at(-1)} (${names.length})` : names.join(', ')}: ${profile.title}`,
    ],
    ['Joins', joins],
    ['Network', networkOf(preparation)],
    ['Login', loginOf(preparation)],
    ['Labels', labelsOf(wish.labels)],
    [
      'Waits',
      wish.role === 'master' || wish.joinFile !== undefined
        ? undefined
        : `${formatDuration(wish.ttlMs)} for its first start; then its token runs out`,
    ],
  ]
  const shown = rows
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([title, value]) => `${title.padEnd(8)} ${value}`)
  const [first = '', ...more] = targetLines(targets)
  return [...shown, `${'Target'.padEnd(8)} ${first}`, ...more.map(line => `${' '.repeat(9)}${line}`)]
}

function targetLines(targets: ChosenTarget[]): string[] {
  const [first] = targets
  if (first?.kind === 'drive') return driveLines(first.drive)
  return targets.map(
    target => `the file ${target.path}${target.kind === 'file' && target.exists ? ', which is there already' : ''}`,
  )
}

export function cardLines({ hostname, target, bytes, sha256 }: FlashedCard, isVerified: boolean): string[] {
  return [
    `${hostname}: ${formatSize(bytes)} written to ${target}${isVerified ? ' and read back' : ''} (sha256 ${sha256.slice(0, 16)}…)`,
  ]
}

/** What to do now, what happens then, and how to see it. */
export function finalLines({ profile, wish, kind, cards }: Preparation, done: FlashedCard[]): string[] {
  const [card] = done
  const one = done.length === 1
  const who = one ? `${card?.hostname}` : 'each board'
  const isFile = card !== undefined && !card.target.startsWith('/dev/')
  const medium = isFile
    ? 'Start the board from the image'
    : one
      ? 'Put the card into the board'
      : 'Put each card into its board'
  const install = kind.by === 'own' ? '' : ' installs Flotilla and what it needs from the network (some minutes),'
  const goal = wish.role === 'master' ? 'starts the master of a new cluster, and joins it' : 'joins, and shows as Ready'
  const until = done.map(({ expires }) => expires).find(expires => expires !== undefined)
  return [
    '',
    `${medium} (${profile.title}) and switch it on.`,
    `At its first start ${who} grows its disk, takes its name,${install} ${goal}.`,
    `Its ${profile.leds ? 'LED and its screen tell' : 'screen tells'} how far it is; so does flotilla/status.txt on the card.`,
    ...(until === undefined
      ? []
      : [`The first start may come until ${until}; after it the ${one ? 'card is' : 'cards are'} worth nothing.`]),
    nextOf(cards[0], wish.role),
  ]
}

function nextOf(card: CardSettings | undefined, role: string): string {
  if (role !== 'master') return 'Watch it:  flotilla get nodes -w'
  if ((card?.sshKeys ?? []).length === 0)
    return 'Nobody can log in to it: to command its cluster, flash it again with --ssh-key.'
  return `Then, to command it: ssh admin@${card?.hostname} (or its address), and there: sudo flotilla get nodes`
}

function networkOf({ cards, profile }: Preparation): string {
  const [first] = cards
  const { wifi, address } = first ?? {}
  if (!wifi && profile.hasNoCable) return 'none: LOOK TWICE, this board has no socket for a cable (--wifi SSID)'
  const medium = wifi ? `wifi ${wifi.ssid} (${wifi.key === undefined ? 'open' : 'WPA2'}, ${wifi.country})` : 'cable'
  if (!address) return `${medium}, DHCP`
  const last = cards.at(-1)?.address?.cidr
  const range = last === address.cidr ? address.cidr : `${address.cidr} to ${last}`
  return `${medium}, ${range}${address.gateway === undefined ? '' : `, gateway ${address.gateway}`}`
}

function loginOf({ cards, wish }: Preparation): string {
  const keys = cards[0]?.sshKeys ?? []
  if (keys.length === 0)
    return wish.role === 'master'
      ? 'nobody (no --ssh-key): LOOK TWICE, then nobody gets at the new cluster from elsewhere'
      : 'nobody (no --ssh-key)'
  return `admin, by ${keys.length === 1 ? 'one key' : `${keys.length} keys`}`
}

function labelsOf(labels: Record<string, string>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ')
}
