/** Where a card is written to: the drive or file that was named, or the removable drive that somebody chooses from a list. */
import { join, parse, resolve } from 'node:path'
import { CodedError } from '../../kit/errors.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { askLine, canAsk } from './ask.ts'
import { describeDrive, driveLines } from './describe-drive.ts'
import type { Drive } from './disk/drive.ts'
import { findDrive, listDrives } from './disk/drives.ts'
import { targetKindOf } from './disk/open-target.ts'
import { type ImageFacts, refusalsOf } from './disk/refusals.ts'

export type ChosenTarget =
  | { kind: 'drive'; path: string; drive: Drive }
  | { kind: 'file'; path: string; exists: boolean }

/** The drives of this machine; tests have others. */
export interface Drives {
  list(): Promise<Drive[]>
  /** Rejects with `NotFound`. */
  find(path: string): Promise<Drive>
}

export const systemDrives: Drives = { list: listDrives, find: findDrive }

export interface ChoiceParts {
  terminal: Terminal
  drives: Drives
  image: ImageFacts
  /** The name of the drive that is meant although it looks like the wrong one. */
  force: string | undefined
}

const maxTries = 5

/** What is wrong with the target whatever the image is, before it is read: throws as `chooseTarget`. */
export async function assertPlausible(
  named: string | undefined,
  { terminal, drives }: Pick<ChoiceParts, 'terminal' | 'drives'>,
): Promise<void> {
  if (named === undefined && !canAsk(terminal)) throw nobodyChooses(removable(await drives.list()))
  if (named === undefined || (await targetKindOf(pathOf(named))) !== 'drive') return
  const refusals = refusalsOf(await drives.find(pathOf(named)), { sizeBytes: undefined, device: undefined })
  const never = refusals.find(({ forceable }) => !forceable)
  if (never) throw new CodedError('Forbidden', never.message)
}

/** Throws UsageError when nobody is there to choose, and what is refused. */
export async function chooseTarget(named: string | undefined, parts: ChoiceParts): Promise<ChosenTarget> {
  if (named === undefined) return driveTarget(await chooseDrive(parts), parts)
  const path = pathOf(named)
  const kind = await targetKindOf(path)
  if (kind !== 'drive') return { kind: 'file', path, exists: kind === 'file' }
  return driveTarget(await parts.drives.find(path), parts)
}

/** As people say it, and as the list shows it: sdb. */
export function pathOf(named: string): string {
  return /^(sd[a-z]+|mmcblk\d+|nvme\d+n\d+|loop\d+)$/.test(named) ? `/dev/${named}` : resolve(named)
}

/** One for each card. To files: board.img becomes board-1.img, board-2.img … To a drive: the same one, with another card in it. */
export async function targetsFor(target: ChosenTarget, count: number): Promise<ChosenTarget[]> {
  if (count === 1 || target.kind === 'drive') return Array.from({ length: count }, () => target)
  const paths = Array.from({ length: count }, (_, index) => numbered(target.path, index + 1))
  return Promise.all(paths.map(async path => ({ kind: 'file', path, exists: (await targetKindOf(path)) === 'file' })))
}

function numbered(path: string, number: number): string {
  const { dir, name, ext } = parse(path)
  return join(dir, `${name}-${number}${ext}`)
}

/** The same drive again, as it is now: with another card in it. */
export async function recheckDrive(path: string, parts: ChoiceParts): Promise<Drive> {
  const drive = await parts.drives.find(path)
  await assertAllowed(drive, parts)
  return drive
}

async function driveTarget(drive: Drive, parts: ChoiceParts): Promise<ChosenTarget> {
  await assertAllowed(drive, parts)
  return { kind: 'drive', path: drive.path, drive }
}

/** What cannot be forced is refused at once; what can is forced by the drive's name, typed now or given before. */
async function assertAllowed(drive: Drive, { terminal, image, force }: ChoiceParts): Promise<void> {
  const refusals = refusalsOf(drive, image)
  const [first] = refusals
  if (!first || (refusals.every(({ forceable }) => forceable) && force === drive.name)) return
  const isForceable = refusals.every(({ forceable }) => forceable)
  const told = isForceable ? `${first.message}. Or, if it is the right one: --force ${drive.name}` : first.message
  const refused = new CodedError('Forbidden', told)
  if (!isForceable || !canAsk(terminal) || force !== undefined) throw refused
  terminal.warn(`${refusals.map(({ message }) => message).join('\n')}\n${driveLines(drive).join('\n')}\n`)
  const typed = await askLine(`If it is the right one all the same, type its name (${drive.name}): `, terminal)
  if (typed !== drive.name) throw refused
}

async function chooseDrive({ terminal, drives: present, image }: ChoiceParts): Promise<Drive> {
  for (let attempt = 1; ; attempt++) {
    const drives = removable(await present.list())
    const fitting = drives.filter(drive => refusalsOf(drive, image).length === 0)
    if (!canAsk(terminal)) throw nobodyChooses(drives)
    if (fitting.length > 0) {
      const chosen = await pick(fitting, terminal)
      if (chosen) return chosen
    } else {
      const refused = drives.flatMap(drive => refusalsOf(drive, image).slice(0, 1)).map(({ message }) => `${message}\n`)
      await askLine(
        `${refused.join('')}No card is here that could be written. Put one in, then press Enter. `,
        terminal,
      )
    }
    if (attempt === maxTries)
      throw new CodedError('NotFound', `cannot find a drive to write to: because none was chosen. ${listed(drives)}`)
  }
}

async function pick(drives: Drive[], terminal: Terminal): Promise<Drive | undefined> {
  const rows = drives.map((drive, index) => `  ${index + 1}  ${describeDrive(drive)}`)
  terminal.warn(`Cards and drives that can be taken out:\n${rows.join('\n')}\n`)
  const answer = await askLine(`Which one is to be written? Its number or name (Enter looks again): `, terminal)
  const name = answer.replace(/^\/dev\//, '')
  const found = drives.find((drive, index) => drive.name === name || String(index + 1) === answer)
  if (!found && answer !== '') terminal.warn(`There is no ${answer} in the list.\n`)
  return found
}

/** What is offered. A loop device is there by somebody's hand, who can name it. */
function removable(drives: Drive[]): Drive[] {
  return drives.filter(drive => drive.removable && drive.attachment !== 'loop')
}

function nobodyChooses(drives: Drive[]): UsageError {
  return new UsageError(`name the drive to write to. ${listed(drives)}`)
}

function listed(drives: Drive[]): string {
  if (drives.length === 0) return 'No drive is here that can be taken out; a file may be named as well'
  return `There are:\n${drives.map(drive => `  ${describeDrive(drive)}`).join('\n')}`
}
