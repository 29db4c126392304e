/** Refusals that somebody should hear of: each becomes an Event, so that an attack is seen by whoever looks. */
import type { ObjectReference } from '../../contract/resources/core.ts'
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import { CodedError, type ErrorCode } from '../../kit/errors.ts'
import type { EventRecorder } from '../store/event-recorder.ts'

/** What an Event is about that is about nobody known: the master itself. It has no object of its own. */
export const masterReference: ObjectReference = { apiVersion: 'v1', kind: 'Namespace', name: 'kube-system' }
const component = 'flotilla-master'
/** What others have written into a refusal is cut to this. */
const maxQuoteLength = 200

export interface JoinRefusal {
  /** What the board calls itself; anything, if it was not checked yet. */
  name: string
  code: ErrorCode
  why: string
  /** Absent: the token is not known. */
  about?: KubernetesObject
}

/** The error to throw; its Event is recorded. */
export function joinRefused(events: EventRecorder, { name, code, why, about }: JoinRefusal): CodedError {
  const message = `a board that calls itself ${quote(name)} may not join: ${why}`
  events.record(about ?? masterReference, { type: 'Warning', reason: 'JoinRefused', message, component })
  return new CodedError(code, `cannot join as ${quote(name)}: because ${why}`)
}

/** Printable, and short: it came from anybody. */
export function quote(text: string): string {
  return JSON.stringify(text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, maxQuoteLength))
}

export { component as masterComponent }
