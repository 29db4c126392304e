/** Which process speaks for a node, and whether anything it said was missed: two boards with one name must not take turns. */
import type { Clock } from '../../kit/clock.ts'

export type Verdict =
  /** From the node's own agent, and nothing before it is missing. */
  | 'accept'
  /** From the node's own agent, but something is missing: a full report is needed. */
  | 'incomplete'
  /** From somebody else, while the node's own agent is alive. */
  | 'stranger'

interface Session {
  id: string
  /** Of the last report taken in; undefined until a full one came. */
  sequence: number | undefined
  heardMs: number
}

export interface SessionsParts {
  clock: Clock
  /** Silence after which another process may take the name over, ms. */
  takeoverMs: number
}

export class Sessions {
  #parts: SessionsParts
  #sessions = new Map<string, Session>()

  constructor(parts: SessionsParts) {
    this.#parts = parts
  }

  /** A beat or a presence: true when the speaker is the node's own agent. */
  admit(node: string, id: string): boolean {
    const nowMs = this.#parts.clock.monotonic()
    const session = this.#sessions.get(node)
    if (session?.id === id) {
      session.heardMs = nowMs
      return true
    }
    if (session && nowMs - session.heardMs < this.#parts.takeoverMs) return false
    this.#sessions.set(node, { id, sequence: undefined, heardMs: nowMs })
    return true
  }

  /** A report, which counts as a sign of life too. */
  judge(node: string, report: { session: string; sequence: number; full: boolean }): Verdict {
    if (!this.admit(node, report.session)) return 'stranger'
    const session = this.#sessions.get(node) as Session
    const follows = session.sequence !== undefined && report.sequence === session.sequence + 1
    // QoS 1 may deliver twice: what was taken in already is as good as missing nothing.
    const repeated = session.sequence !== undefined && report.sequence <= session.sequence
    if (!report.full && !follows && !repeated) return 'incomplete'
    session.sequence = Math.max(report.sequence, session.sequence ?? 0)
    return 'accept'
  }

  isComplete(node: string): boolean {
    return this.#sessions.get(node)?.sequence !== undefined
  }

  /** What was said before no longer counts as known: the next report must be a full one. */
  doubt(node: string): void {
    const session = this.#sessions.get(node)
    if (session) session.sequence = undefined
  }

  /** The agent's connection is gone: whoever comes next may have the name. */
  end(node: string, id: string | undefined): boolean {
    const session = this.#sessions.get(node)
    if (!session || (id !== undefined && session.id !== id)) return false
    session.heardMs = Number.NEGATIVE_INFINITY
    return true
  }
}
