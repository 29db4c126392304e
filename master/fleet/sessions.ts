/** Which process speaks for a node, and whether anything it said was missed: two boards with one name must not take turns. */
import type { Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'

export type Verdict =
  /** From the node's own agent, and nothing before it is missing. */
  | 'accept'
  /** From the node's own agent, but something is missing: a full report is needed. */
  | 'incomplete'
  /** Taken in already: the agent is alive, and that is all it says. */
  | 'repeated'
  /** From somebody else, while the node's own agent is alive. */
  | 'stranger'

interface Session {
  id: string
  /** Of the last report taken in. */
  sequence: number
  /** Everything up to `sequence` is known. */
  complete: boolean
  heardMs: number
  /** Who else has spoken in the node's name since, the newest last. */
  strangers: Set<string>
}

export interface SessionsParts {
  clock: Clock
  /** Silence after which another process may take the name over, ms. */
  takeoverMs: number
}

/** Far more boards than one master serves: a broker full of invented names must not fill the memory. */
const maxSessions = 20_000
/** Of one node. A board that restarts again and again has a new one each time. */
const maxStrangers = 8

export class Sessions {
  #parts: SessionsParts
  #sessions = new Map<string, Session>()

  constructor(parts: SessionsParts) {
    this.#parts = parts
  }

  /** A beat or a presence: true when the speaker is the node's own agent. Throws `TooManyRequests`. */
  admit(node: string, id: string): boolean {
    const nowMs = this.#parts.clock.monotonic()
    const session = this.#sessions.get(node)
    if (session?.id === id) {
      session.heardMs = nowMs
      return true
    }
    if (session && this.#isAlive(session)) {
      noteStranger(session, id)
      return false
    }
    if (!session && this.#sessions.size >= maxSessions) {
      throw new CodedError('TooManyRequests', `cannot listen to ${node}: because ${maxSessions} others already speak`)
    }
    this.#sessions.set(node, { id, sequence: -1, complete: false, heardMs: nowMs, strangers: new Set() })
    return true
  }

  /** A report, which counts as a sign of life too. */
  judge(node: string, report: { session: string; sequence: number; full: boolean }): Verdict {
    if (!this.admit(node, report.session)) return 'stranger'
    const session = this.#sessions.get(node) as Session
    // QoS 1 may deliver twice, and late: what it said then may be wrong by now.
    if (report.sequence <= session.sequence) return 'repeated'
    const follows = session.complete && report.sequence === session.sequence + 1
    if (!report.full && !follows) return 'incomplete'
    session.sequence = report.sequence
    session.complete = true
    return 'accept'
  }

  /** Somebody else than the node's own agent, which is alive. */
  isStranger(node: string, id: string): boolean {
    const session = this.#sessions.get(node)
    return session?.strangers.has(id) === true && this.#isAlive(session)
  }

  /** Of the node's own agent. */
  ownerOf(node: string): string | undefined {
    return this.#sessions.get(node)?.id
  }

  isComplete(node: string): boolean {
    return this.#sessions.get(node)?.complete ?? false
  }

  /** What was said before no longer counts as known: the next report must be a full one. */
  doubt(node: string): void {
    const session = this.#sessions.get(node)
    if (session) session.complete = false
  }

  /** The agent's connection is gone: whoever comes next may have the name. */
  end(node: string, id: string | undefined): boolean {
    const session = this.#sessions.get(node)
    if (!session || (id !== undefined && session.id !== id)) return false
    session.heardMs = Number.NEGATIVE_INFINITY
    return true
  }

  /** As if the node had never been heard of. */
  forget(node: string): void {
    this.#sessions.delete(node)
  }

  #isAlive({ heardMs }: Session): boolean {
    return this.#parts.clock.monotonic() - heardMs < this.#parts.takeoverMs
  }
}

function noteStranger({ strangers }: Session, id: string): void {
  strangers.delete(id)
  strangers.add(id)
  const [oldest] = strangers
  if (strangers.size > maxStrangers && oldest !== undefined) strangers.delete(oldest)
}
