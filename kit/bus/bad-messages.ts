/** What to do with messages that cannot be understood, for every receiver: count them, log the first of a kind, drop them. */
import { CodedError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Message } from './bus.ts'

/** More kinds than any program has receivers; further ones are counted together. */
const maxKinds = 64

export class BadMessages {
  #log: Log
  #counts = new Map<string, number>()

  constructor(log: Log) {
    this.#log = log
  }

  /** `kind` is a class of topics (`report`, `wish index`), never a single topic: it is what is counted by. */
  count(kind: string, topic: string, error: unknown): void {
    const key = this.#counts.has(kind) || this.#counts.size < maxKinds ? kind : 'other'
    const before = this.#counts.get(key) ?? 0
    this.#counts.set(key, before + 1)
    if (before === 0) this.#log.warn('dropped a bad message; more of its kind are only counted', { kind, topic, error })
  }

  /** Runs `receive`; what it throws makes the message a bad one. */
  guard(kind: string, message: Message, receive: () => void): void {
    try {
      receive()
    } catch (error) {
      this.count(kind, message.topic, error)
    }
  }

  counts(): Record<string, number> {
    return Object.fromEntries(this.#counts)
  }
}

/**
 * For what is said once: kept by a broker it would be said again at every connection, also long after, and by whoever once
 * could write there. Throws `BadRequest`.
 */
export function refuseRetained({ retained }: Message): void {
  if (retained) throw new CodedError('BadRequest', 'cannot take a message: because it was retained')
}

/** Deeper than any message of ours. */
const maxDepth = 200
const quoteByte = 0x22
const backslashByte = 0x5c
const openList = 0x5b
const closeList = 0x5d
const openObject = 0x7b
const closeObject = 0x7d

/** The JSON in a message. Throws `RequestEntityTooLarge` or `BadRequest`. */
export function decodeJson(message: Message, maxBytes: number): unknown {
  const { payload } = message
  if (payload.length > maxBytes) {
    const reason = `its ${payload.length} bytes are more than ${maxBytes}`
    throw new CodedError('RequestEntityTooLarge', `cannot read a message: because ${reason}`)
  }
  if (isTooDeep(payload))
    throw new CodedError('BadRequest', `cannot read a message: because it is nested more than ${maxDepth} levels deep`)
  try {
    return JSON.parse(payload.toString('utf8'))
  } catch {
    // What the parser says quotes the message, which may hold a secret.
    throw new CodedError('BadRequest', 'cannot read a message: because it is not JSON')
  }
}

/** Counted in the bytes: whoever walks a value that is deeper, JSON.stringify among them, overflows the stack. */
function isTooDeep(payload: Buffer): boolean {
  let depth = 0
  let inText = false
  for (let at = 0; at < payload.length; at++) {
    const byte = payload[at]
    if (byte === quoteByte) inText = !inText
    else if (inText) at += byte === backslashByte ? 1 : 0
    else if (byte === openList || byte === openObject) depth++
    else if (byte === closeList || byte === closeObject) depth--
    if (depth > maxDepth) return true
  }
  return false
}

/** `value` as an object with string keys. Throws `BadRequest`. */
export function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new CodedError('BadRequest', 'cannot read a message: because it is not an object')
}
