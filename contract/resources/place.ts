/** A place in an object that is being checked, and the checks that every family of kinds needs. */
import type { Problem } from '../../kit/errors.ts'
import { describeValue } from './describe-value.ts'
import { type FieldStep, joinPath } from './field-path.ts'
import type { NameRule } from './names.ts'
import { nearestTo } from './nearest.ts'

export interface Place {
  path: string
  /** Where all that is found wrong is gathered. */
  problems: Problem[]
  /** What stands here is told to nobody, not even by the message that it is wrong. */
  isSecret?: true
}

export function at(place: Place, ...steps: FieldStep[]): Place {
  return { ...place, path: steps.reduce<string>(joinPath, place.path) }
}

/** A message may list what there is to choose from, in the words of whoever wrote the object. */
const maxMessageLength = 1000

/** Undefined, so that a reader of values can return what it gives. */
export function report(place: Place, message: string): undefined {
  const cut = message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)}…` : message
  place.problems.push({ path: place.path, message: cut })
}

export function checkName(place: Place, name: string | undefined, rule: NameRule): void {
  const problem = name === undefined ? 'is required' : rule(name)
  if (problem !== undefined) report(place, problem)
}

/** Absent numbers are fine. */
export function checkRange(place: Place, value: number | undefined, range: { min: number; max?: number }): void {
  if (value === undefined) return
  const { min, max = Number.POSITIVE_INFINITY } = range
  if (value >= min && value <= max) return
  const allowed = max === Number.POSITIVE_INFINITY ? `at least ${min}` : `between ${min} and ${max}`
  report(place, `must be ${allowed}, not ${value}`)
}

export const portRange = { min: 1, max: 65_535 }

/** Absent values are fine. */
export function checkOneOf(place: Place, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return
  const [nearest] = nearestTo(value, allowed)
  const hint = nearest === undefined ? '' : `: did you mean ${nearest}?`
  report(place, `must be one of ${allowed.join(', ')}, not ${describeValue(value)}${hint}`)
}

/** Reports each place whose key was there before; undefined keys are not compared. */
export function checkUnique(entries: Iterable<{ key: string | undefined; place: Place }>): void {
  const seen = new Map<string, string>()
  for (const { key, place } of entries) {
    if (key === undefined) continue
    const first = seen.get(key)
    if (first === undefined) seen.set(key, place.path)
    else report(place, `repeats ${first} (${key}): each must be different`)
  }
}
