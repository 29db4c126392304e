/** What keeps a board from its first start, in words for a person and as a number of blinks for a board without a screen. */
import { CodedError, hasCode, messageOf } from '../../../kit/errors.ts'
import { UntrustedMaster } from '../../identity/join-exchange.ts'

export type ProblemKind =
  | 'card unreadable'
  | 'no network'
  | 'master not found'
  | 'token'
  | 'name taken'
  | 'clock'
  | 'program missing'
  | 'other'

export interface Problem {
  kind: ProblemKind
  /** One line, with the way out where there is one. */
  text: string
  /** Trying again does not help: a person must do something. It is tried again all the same, seldom. */
  isFinal: boolean
}

/** Short blinks in a row, then a pause. The table is in decision 22. */
export const blinksOf: Record<ProblemKind, number> = {
  'no network': 2,
  'master not found': 3,
  token: 4,
  'name taken': 5,
  'card unreadable': 6,
  clock: 7,
  'program missing': 8,
  other: 8,
}

/** A problem that a step has named itself. */
export class FirstBootProblem extends CodedError {
  readonly problem: Problem

  constructor(problem: Problem, cause?: unknown) {
    super(problem.isFinal ? 'Invalid' : 'ServiceUnavailable', problem.text, { cause })
    this.problem = problem
  }
}

/** What is on the card is wrong, or not there: somebody must write it again. */
export function cardUnreadable(why: string, cause?: unknown): FirstBootProblem {
  return new FirstBootProblem({ kind: 'card unreadable', text: `card unreadable: ${why}`, isFinal: true }, cause)
}

export interface JoinFacts {
  /** As on the card. */
  addresses: string[]
  /** Of the board, other than loopback. */
  ownAddresses: string[]
  /** Wired or wireless interfaces with a link. */
  linked: string[]
}

/** Why the joining failed. A master that was reached and says no is final. */
export function joinProblem(error: unknown, { addresses, ownAddresses, linked }: JoinFacts): Problem {
  if (error instanceof FirstBootProblem) return error.problem
  const stranger = (error as Error | undefined)?.cause instanceof UntrustedMaster || error instanceof UntrustedMaster
  if (stranger) return { kind: 'master not found', text: `another one answers: ${messageOf(error)}`, isFinal: false }
  if (hasCode(error, 'ServiceUnavailable', 'Timeout'))
    return ownAddresses.length === 0 ? noNetwork(linked) : notFound(addresses)
  if (hasCode(error, 'AlreadyExists')) return { kind: 'name taken', text: messageOf(error), isFinal: true }
  if (hasCode(error, 'Expired')) return { kind: 'token', text: `token expired: ${messageOf(error)}`, isFinal: true }
  if (hasCode(error, 'Forbidden', 'Unauthorized', 'NotFound'))
    return { kind: 'token', text: `token not accepted: ${messageOf(error)}`, isFinal: true }
  return problemOf(error)
}

/** Of any other step. */
export function problemOf(error: unknown): Problem {
  if (error instanceof FirstBootProblem) return error.problem
  const kind = hasCode(error, 'NotFound') ? 'program missing' : 'other'
  return { kind, text: messageOf(error), isFinal: false }
}

function noNetwork(linked: string[]): Problem {
  const why =
    linked.length === 0
      ? 'no cable has a link, and no wifi is connected (is its name and password right?)'
      : `nobody gave ${linked.join(', ')} an address (is there a DHCP server?)`
  return { kind: 'no network', text: `no network: ${why}`, isFinal: false }
}

function notFound(addresses: string[]): Problem {
  const text = `master not found at ${addresses.join(', ')}, nor by mDNS: is it running, and on the same network?`
  return { kind: 'master not found', text, isFinal: false }
}
