/** What the API answers when it refuses, in Kubernetes' own words (apimachinery `api/errors`). */
import { findKind, type Kind } from '../../contract/resources/kinds.ts'
import type { ReviewAttributes, Target } from '../../contract/wire/api.ts'
import { CodedError, type Problem } from '../../kit/errors.ts'
import type { Asker } from '../authorization/asker.ts'
import { describeRefusal } from '../authorization/decide.ts'

/** `pods`, `deployments.apps`. */
export function resourceName(kind: Kind): string {
  return kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`
}

export function notFound(kind: Kind, name: string): CodedError {
  return new CodedError('NotFound', `${resourceName(kind)} "${name}" not found`)
}

export function noSuchResource({ resource, group }: Target): CodedError {
  const full = group === '' ? resource : `${resource}.${group}`
  return new CodedError('NotFound', `the server doesn't have a resource type "${full}"`)
}

export function alreadyExists(kind: Kind, name: string, cause?: unknown): CodedError {
  return new CodedError('AlreadyExists', `${resourceName(kind)} "${name}" already exists`, { cause })
}

export function changedMeanwhile(kind: Kind, name: string, cause?: unknown): CodedError {
  const why = 'the object has been modified; please apply your changes to the latest version and try again'
  return new CodedError('Conflict', `Operation cannot be fulfilled on ${resourceName(kind)} "${name}": ${why}`, {
    cause,
  })
}

export function wrongUid(kind: Kind, name: string, uids: { expected: string; found: string | undefined }): CodedError {
  const why = `Precondition failed: UID in precondition: ${uids.expected}, UID in object meta: ${uids.found ?? ''}`
  return new CodedError('Conflict', `Operation cannot be fulfilled on ${resourceName(kind)} "${name}": ${why}`)
}

export function forbidden(kind: Kind, name: string, why: string): CodedError {
  return new CodedError('Forbidden', `${resourceName(kind)} "${name}" is forbidden: ${why}`)
}

/** `pods "web" is forbidden: User "bob" cannot get resource "pods" in API group "" in the namespace "x"`. */
export function forbiddenTo(asker: Asker, attributes: ReviewAttributes): CodedError {
  const { resource, group, name } = attributes
  const subject = `${group === '' ? resource : `${resource}.${group}`}${name === undefined ? '' : ` "${name}"`}`
  return new CodedError('Forbidden', `${subject} is forbidden: ${describeRefusal(asker, attributes)}`)
}

export function invalid(kind: Kind, name: string, problems: Problem[]): CodedError {
  const subject = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`
  const lines = problems.map(problem => (problem.path === '' ? problem.message : `${problem.path}: ${problem.message}`))
  const all = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
  return new CodedError('Invalid', `${subject} "${name}" is invalid: ${all}`, { problems })
}

export function badRequest(message: string): CodedError {
  return new CodedError('BadRequest', message)
}

/** The row of a kind that the master cannot do without. */
export function knownKind(apiVersion: string, kind: string): Kind {
  const found = findKind(apiVersion, kind)
  if (!found) throw new CodedError('InternalError', `cannot find kind ${kind}: because kinds.ts has no such row`)
  return found
}
