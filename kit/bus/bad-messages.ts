/** What to do with messages that cannot be understood, for every receiver: count them, log the first of a kind, drop them. */
import { CodedError, messageOf } from '../errors.ts'
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

/** The JSON in a message. Throws `RequestEntityTooLarge` or `BadRequest`. */
export function decodeJson(message: Message, maxBytes: number): unknown {
  const { payload } = message
  if (payload.length > maxBytes) {
    const reason = `its ${payload.length} bytes are more than ${maxBytes}`
    throw new CodedError('RequestEntityTooLarge', `cannot read a message: because ${reason}`)
  }
  try {
    return JSON.parse(payload.toString('utf8'))
  } catch (error) {
    throw new CodedError('BadRequest', `cannot read a message: because it is not JSON: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** `value` as an object with string keys. Throws `BadRequest`. */
export function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new CodedError('BadRequest', 'cannot read a message: because it is not an object')
}
