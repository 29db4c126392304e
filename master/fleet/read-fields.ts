/** The readers of which the reading of reports is made: each returns what it may believe, or throws `BadRequest`. */
import { isIP } from 'node:net'
import type { NameRule } from '../../contract/resources/names.ts'
import { isQuantity } from '../../contract/resources/quantity.ts'
import { CodedError } from '../../kit/errors.ts'

/** `path` says where in the message the value stands. */
export type Reader<T> = (value: unknown, path: string) => T

/** A reader for every member of the type: the compiler tells when one was forgotten. */
export type Shape<T> = { [Name in keyof T]-?: Reader<Exclude<T[Name], null | undefined>> }

/** What a path shows of a key that somebody else chose. */
const maxShownKey = 80

/** Takes the members that the shape names and drops all others; a member that is null counts as absent. */
export function record<T extends object>(shape: Shape<T>, required: ReadonlyArray<keyof T & string>): Reader<T> {
  const readers = Object.entries(shape) as Array<[string, Reader<unknown>]>
  return (value, path) => {
    const given = readObject(value, path)
    const present = readers.filter(([name]) => Object.hasOwn(given, name) && given[name] != null)
    const missing = required.find(name => !present.some(([other]) => other === name))
    if (missing !== undefined) throw bad(`${path}.${missing}`, 'is missing')
    return Object.fromEntries(present.map(([name, read]) => [name, read(given[name], `${path}.${name}`)])) as T
  }
}

/** An object whose keys are data. */
export function mapOf<T>(read: Reader<T>, limits: { max: number; key: Reader<string> }): Reader<Record<string, T>> {
  return (value, path) => {
    const entries = Object.entries(readObject(value, path))
    if (entries.length > limits.max) throw bad(path, `has more than ${limits.max} members`)
    const members = entries.map(([key, member]) => {
      const place = `${path}["${key.slice(0, maxShownKey)}"]`
      return [limits.key(key, place), read(member, place)]
    })
    return Object.fromEntries(members)
  }
}

export function listOf<T>(read: Reader<T>, max: number): Reader<T[]> {
  return (value, path) => {
    if (!Array.isArray(value) || value.length > max) throw bad(path, `must be a list of at most ${max}`)
    return value.map((item, index) => read(item, `${path}[${index}]`))
  }
}

export function text(maxLength: number): Reader<string> {
  return (value, path) => {
    if (typeof value === 'string' && value.length <= maxLength) return value
    throw bad(path, `must be a string of at most ${maxLength} characters`)
  }
}

/** A text that is not empty. */
export function word(maxLength: number): Reader<string> {
  return (value, path) => {
    if (value === '') throw bad(path, 'must not be empty')
    return text(maxLength)(value, path)
  }
}

/** For people to read: what is too long is cut, visibly, since a long complaint is no reason to lose a report. */
export function prose(maxLength: number): Reader<string> {
  return (value, path) => {
    if (typeof value !== 'string') throw bad(path, 'must be a string')
    return value.length > maxLength ? `${value.slice(0, maxLength - 1)}…` : value
  }
}

export function named(rule: NameRule): Reader<string> {
  return (value, path) => {
    const problem = typeof value === 'string' ? rule(value) : 'must be a string'
    if (problem !== undefined) throw bad(path, problem)
    return value as string
  }
}

export function oneOf<T extends string>(...allowed: T[]): Reader<T> {
  return (value, path) => {
    if (allowed.includes(value as T)) return value as T
    throw bad(path, `must be one of ${allowed.join(', ')}`)
  }
}

export const flag: Reader<boolean> = (value, path) => {
  if (typeof value === 'boolean') return value
  throw bad(path, 'must be true or false')
}

export const integer: Reader<number> = (value, path) => {
  if (Number.isSafeInteger(value)) return value as number
  throw bad(path, 'must be a whole number')
}

export const count: Reader<number> = (value, path) => {
  if (integer(value, path) >= 0) return value as number
  throw bad(path, 'must not be negative')
}

/** RFC 3339, or anything else that can be read as a time. */
export const time: Reader<string> = (value, path) => {
  if (!Number.isNaN(Date.parse(text(64)(value, path)))) return value as string
  throw bad(path, 'must be a time')
}

export const address: Reader<string> = (value, path) => {
  if (isIP(text(64)(value, path)) !== 0) return value as string
  throw bad(path, 'must be an IP address')
}

export const quantity: Reader<string> = (value, path) => {
  if (isQuantity(text(64)(value, path))) return value as string
  throw bad(path, 'must be a quantity such as 250m or 64Mi')
}

export function bad(path: string, reason: string): CodedError {
  return new CodedError('BadRequest', `cannot read what a node says: because ${path} ${reason}`)
}

function readObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw bad(path, 'must be an object')
}
