/** How boards that are flashed come in: by tokens of the master that we may ask, by a line made elsewhere, or as masters themselves. */
import { readFile } from 'node:fs/promises'
import { type JoinTicket, parseTicket } from '../../contract/wire/join.ts'
import type { Input } from '../../kit/command-line.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import type { Invitation } from '../api-client.ts'
import { type Session, withSession } from '../connect.ts'
import type { Fleet } from '../fleet.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { behindSudo } from './behind-sudo.ts'
import { checkNames, type Enrolment, type EnrolParts, enrol } from './enrol.ts'
import type { Preparation } from './prepare.ts'

export interface Door {
  /** For people: what these boards join. */
  joins: string
  /** Just before a card is written. Undefined: the board needs no join line. */
  admit(name: string): Promise<Enrolment | undefined>
}

/** Opens the door, runs the work, closes it. */
export type OpenedDoor = <T>(work: (door: Door) => Promise<T>) => Promise<T>

/** Rejects when the door cannot be opened, saying which others there are. */
export async function openDoor(preparation: Preparation, input: Input, fleet: Fleet): Promise<OpenedDoor> {
  const { wish } = preparation
  if (wish.role === 'master')
    return work => work({ joins: 'it begins a cluster of its own', admit: async () => undefined })
  if (wish.joinFile !== undefined) {
    const { line, ticket } = await readJoinFile(wish.joinFile)
    return work => work(doorByLine(line, ticket))
  }
  return work => byMaster(preparation, { input, fleet }, work)
}

function doorByLine(line: string, { cluster, addresses }: JoinTicket): Door {
  const nothing = async (): Promise<void> => undefined
  const enrolment: Enrolment = { ticket: line, tokenId: undefined, expires: undefined, settle: nothing, undo: nothing }
  return {
    joins: `cluster ${cluster} at ${addresses.join(', ')}, by the line that was given`,
    admit: async () => enrolment,
  }
}

async function readJoinFile(path: string): Promise<{ line: string; ticket: JoinTicket }> {
  const line = await readFile(path, 'utf8').catch(error => {
    throw new UsageError(`--join-file: cannot read ${path}: because ${messageOf(error)}`)
  })
  return { line: line.trim(), ticket: parseTicket(line) }
}

async function byMaster<T>(
  { wish, cards }: Preparation,
  { input, fleet }: { input: Input; fleet: Fleet },
  work: (door: Door) => Promise<T>,
): Promise<T> {
  const { terminal, openBus } = fleet
  const entered = { session: false }
  const talk = async ({ api }: Session): Promise<T> => {
    entered.session = true
    const { clock, random } = terminal
    const { labels, ttlMs, masters, replace } = wish
    const parts: EnrolParts = {
      api,
      clock,
      random,
      labels,
      ttlMs,
      masters,
      replace,
      warn: line => terminal.warn(`${line}\n`),
    }
    const invitation = await checkNames(
      parts,
      cards.map(({ hostname }) => hostname),
    )
    return work({ joins: describe(invitation, masters), admit: name => enrol(parts, name, invitation) })
  }
  try {
    return await withSession(input, { terminal: undisturbed(await behindSudo(terminal)), openBus }, talk)
  } catch (error) {
    if (entered.session || !(error instanceof CodedError)) throw error
    const ways =
      'Start the master, or begin a cluster with this board (--role master), or take a line of "flotilla token create" made elsewhere (--join-file FILE)'
    throw new CodedError(
      error.code,
      `cannot let the board join: because no master can be asked (${error.message}). ${ways}`,
      { cause: error },
    )
  }
}

function describe({ cluster, addresses }: Invitation, masters: string[]): string {
  const asked = masters.length > 0 ? masters : addresses
  const isHereOnly = asked.every(address => /^(127\.|localhost:|\[::1\])/.test(address))
  const warning = isHereOnly ? ': LOOK TWICE, no other machine gets there (--master HOST:PORT)' : ''
  return `cluster ${cluster} at ${asked.join(', ')}${warning}`
}

/** The session must live longer than the work: when that is interrupted, a token is to be taken back. */
function undisturbed(terminal: Terminal): Terminal {
  return { ...terminal, hungUp: new AbortController().signal, catchSignals: () => () => undefined }
}
