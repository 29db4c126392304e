/** From anything at all to an object of a known kind, with defaults: one path for what the API takes and what the CLI reads. */
import { CodedError, type Problem } from '../../kit/errors.ts'
import { maxObjectBytes } from '../wire/limits.ts'
import { applyDefaults } from './defaults.ts'
import { describeValue } from './describe-value.ts'
import { isFields } from './fields.ts'
import { apiVersionOf, findKind, type Kind, kinds } from './kinds.ts'
import type { AnyObject } from './meta.ts'
import { quote } from './names.ts'
import { nearestTo } from './nearest.ts'
import { readShape } from './schema.ts'
import { warningsFor } from './unsupported.ts'
import { validateObject } from './validate.ts'

/** Deeper than any object of Kubernetes; what is deeper would overflow the stack of whoever walks it. */
const maxDepth = 64
/** More problems than these are counted, not told. */
const maxProblems = 100

export interface ReadObject {
  /** With defaults and in Kubernetes' spelling when there are no problems; else what was given, as far as it is an object. */
  object: AnyObject
  /** Undefined when the kind is not known: then there are problems. */
  kind: Kind | undefined
  problems: Problem[]
  /** Fields that are kept without being acted on, each `path: why`. */
  warnings: string[]
}

/** Never throws but for one that is too large: `RequestEntityTooLarge`. */
export function readObject(value: unknown): ReadObject {
  const given = (isFields(value) ? value : {}) as AnyObject
  const problem = isFields(value)
    ? checkDepth(value)
    : wrong('', `must be an object with apiVersion and kind, not ${describeValue(value)}`)
  if (problem !== undefined) return { object: given, kind: undefined, problems: [problem], warnings: [] }
  refuseLarge(given)
  const kind = identify(given)
  if ('problem' in kind) return { object: given, kind: undefined, problems: [kind.problem], warnings: [] }
  const shaped = readShape(given, kind)
  if (shaped.problems.length > 0) return { object: given, kind, problems: capped(shaped.problems), warnings: [] }
  const object = applyDefaults(shaped.object)
  const problems = validateObject(object)
  if (problems.length > 0) return { object: given, kind, problems: capped(problems), warnings: [] }
  // Of what was written: nobody is warned of a default.
  return { object, kind, problems: [], warnings: warningsFor(shaped.object) }
}

function identify({ apiVersion, kind }: AnyObject): Kind | { problem: Problem } {
  for (const [field, value] of Object.entries({ apiVersion, kind })) {
    if (value === undefined || value === null || value === '') return { problem: wrong(field, 'is required') }
    if (typeof value !== 'string') return { problem: wrong(field, `must be text, not ${describeValue(value)}`) }
  }
  const found = findKind(apiVersion, kind)
  if (found?.virtual === true) return { problem: wrong('kind', `${kind} is measured: it can be read, not written`) }
  return found ?? { problem: unknownKind(apiVersion, kind) }
}

function unknownKind(apiVersion: string, kind: string): Problem {
  const elsewhere = kinds.filter(candidate => candidate.kind === kind).map(apiVersionOf)
  if (elsewhere.length > 0) {
    return wrong('apiVersion', `${kind} belongs to ${elsewhere.join(' or ')}, not to ${quote(apiVersion)}`)
  }
  const names = kinds.filter(candidate => candidate.virtual !== true).map(candidate => candidate.kind)
  const [nearest] = nearestTo(kind, names)
  const hint = nearest === undefined ? '' : `did you mean ${nearest}? `
  return wrong('kind', `unknown kind ${quote(kind)}: ${hint}Flotilla has ${names.join(', ')}`)
}

function refuseLarge(object: AnyObject): void {
  const bytes = Buffer.byteLength(JSON.stringify(object))
  if (bytes <= maxObjectBytes) return
  const why = `it is ${bytes} bytes of JSON, and the limit is ${maxObjectBytes}`
  throw new CodedError(
    'RequestEntityTooLarge',
    `cannot take ${quote(typeof object.kind === 'string' ? object.kind : 'it')}: because ${why}`,
  )
}

function checkDepth(value: unknown): Problem | undefined {
  return isDeeperThan(maxDepth, value) ? wrong('', `is nested more than ${maxDepth} levels deep`) : undefined
}

/** Looks no deeper than the limit, so that it cannot overflow itself. */
function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some(item => isDeeperThan(levels - 1, item))
}

function capped(problems: Problem[]): Problem[] {
  const left = problems.length - maxProblems
  return left > 0 ? [...problems.slice(0, maxProblems), wrong('', `and ${left} more problems`)] : problems
}

function wrong(path: string, message: string): Problem {
  return { path, message }
}
