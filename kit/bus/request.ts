/** Asking over the bus, and waiting for the answer: the half of request/reply that the asking side runs. */
import type { Clock } from '../clock.ts'
import { CodedError, type WireError } from '../errors.ts'
import { type Log, silentLog } from '../log.ts'
import type { Random } from '../random.ts'
import { asRecord, BadMessages, decodeJson, refuseRetained } from './bad-messages.ts'
import type { Bus, Message, Unsubscribe } from './bus.ts'
import { errorFromWire } from './wire-error.ts'

/**
 * A request as it crosses the wire. It names no topic: who asks, and where the answer goes, follows from the topic that it
 * came on, which the broker guards.
 */
export interface RequestEnvelope {
  id: string
  /** How long the asker still waits, counted from the arrival: two boards' clocks need not agree. */
  timeoutMs: number
  /** Id of a stream that the asker holds open for the answer (stream.ts); a part of its topics. */
  stream?: string
  body: unknown
}

export type ReplyEnvelope = { id: string; body: unknown } | { id: string; error: WireError }

/** Largest answer that is read. */
export const maxReplyBytes = 4 * 1024 * 1024

export interface RequestOptions {
  timeoutMs: number
  signal?: AbortSignal
  stream?: string
  /** The one topic that this answer may come on, when `repliesTopic` holds wildcards. */
  answeredOn?: string
}

export interface RequesterOptions {
  bus: Bus
  /** Topic that answers come to; with wildcards, each request says which of them it awaits. */
  repliesTopic: string
  clock: Clock
  random: Random
  log?: Log
  badMessages?: BadMessages
  /** Requests under way at once. Default 1000. */
  maxPending?: number
}

interface Pending {
  topic: string
  answeredOn: string
  resolve: (body: unknown) => void
  reject: (error: unknown) => void
}

export class Requester {
  #options: RequesterOptions
  #bad: BadMessages
  #pending = new Map<string, Pending>()
  #undo: Unsubscribe[] = []

  constructor(options: RequesterOptions) {
    this.#options = options
    this.#bad = options.badMessages ?? new BadMessages(options.log ?? silentLog)
  }

  async start(): Promise<void> {
    const { bus, repliesTopic } = this.#options
    // With a clean session, an answer sent while we are away is lost: better to say so now than to wait.
    this.#undo.push(bus.onDisconnect(() => this.#rejectAll('the connection was lost before the answer came')))
    this.#undo.push(await bus.subscribe(repliesTopic, message => this.#receive(message)))
  }

  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo()
    this.#rejectAll('the program is ending')
  }

  /**
   * Sends `body` to `topic` and resolves to the answer. Rejects with the error that the other side answered, with
   * `Timeout`, with `ServiceUnavailable` when not connected, or with the signal's reason.
   */
  async request(topic: string, body: unknown, options: RequestOptions): Promise<unknown> {
    const { bus, repliesTopic, clock, random, maxPending = 1000 } = this.#options
    const { timeoutMs, signal, stream, answeredOn = repliesTopic } = options
    signal?.throwIfAborted()
    if (this.#pending.size >= maxPending) {
      throw new CodedError('TooManyRequests', `cannot ask ${topic}: because ${maxPending} requests are under way`)
    }
    const envelope: RequestEnvelope = {
      id: random.uuid(),
      timeoutMs,
      ...(stream !== undefined && { stream }),
      body,
    }
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#pending.set(envelope.id, { topic, answeredOn, resolve, reject })
    const cancel = clock.after(timeoutMs, () => {
      reject(
        new CodedError('Timeout', `cannot wait longer for an answer of ${topic}: because ${timeoutMs} ms are over`),
      )
    })
    const onAbort = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    bus.publish(topic, JSON.stringify(envelope)).catch(reject)
    try {
      return await promise
    } finally {
      cancel()
      signal?.removeEventListener('abort', onAbort)
      this.#pending.delete(envelope.id)
    }
  }

  #receive(message: Message): void {
    this.#bad.guard('reply', message, () => {
      refuseRetained(message)
      const reply = asRecord(decodeJson(message, maxReplyBytes))
      if (typeof reply['id'] !== 'string') throw badReply('it has no id')
      // Nobody waits for an answer that comes after its deadline, or twice: that is no fault.
      const pending = this.#pending.get(reply['id'])
      if (pending && pending.answeredOn !== message.topic) throw badReply('somebody else was asked')
      if (reply['error'] === undefined) pending?.resolve(reply['body'])
      else pending?.reject(errorFromWire(reply['error']))
    })
  }

  #rejectAll(why: string): void {
    for (const { topic, reject } of this.#pending.values()) {
      reject(new CodedError('ServiceUnavailable', `cannot ask ${topic}: because ${why}`))
    }
    this.#pending.clear()
  }
}

/** A stream's id is one level of a topic, and no wildcard. */
const streamShape = /^[A-Za-z0-9-]{1,64}$/

/** Reads and checks a request. Throws `BadRequest`. */
export function readRequest(value: unknown): RequestEnvelope {
  const { id, timeoutMs, stream, body } = asRecord(value)
  const bad = (reason: string): CodedError => new CodedError('BadRequest', `cannot read a request: because ${reason}`)
  if (typeof id !== 'string' || id === '' || id.length > 64) throw bad('its id is not a short string')
  if (typeof timeoutMs !== 'number' || !(timeoutMs > 0)) throw bad('its timeoutMs is not a positive number')
  if (stream === undefined) return { id, timeoutMs, body }
  if (typeof stream !== 'string' || !streamShape.test(stream)) throw bad('its stream is not an id')
  return { id, timeoutMs, stream, body }
}

function badReply(reason: string): CodedError {
  return new CodedError('BadRequest', `cannot read a reply: because ${reason}`)
}
