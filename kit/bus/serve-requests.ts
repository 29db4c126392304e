/** Answering requests that come over the bus: deadlines, overload, duplicates, and passing a request on to somebody else. */
import type { Clock } from '../clock.ts'
import { CodedError } from '../errors.ts'
import type { Log } from '../log.ts'
import { BadMessages, decodeJson } from './bad-messages.ts'
import type { Bus, Message, Unsubscribe } from './bus.ts'
import { maxReplyBytes, type ReplyEnvelope, type RequestEnvelope, readRequest } from './request.ts'
import { errorToWire } from './wire-error.ts'

/** What a handler returns after `forward`: somebody else answers. */
export const forwarded: unique symbol = Symbol('forwarded')

export interface RequestContext {
  /** Aborts with `Timeout` at the asker's deadline, or when serving ends. */
  signal: AbortSignal
  replyTo: string
  /** Topic prefix of the stream that the asker holds open, if it does. */
  stream: string | undefined
  /** How long the asker still waits. */
  remainingMs(): number
  /** Passes the request on, with another body, to one who answers the asker directly. Return what it resolves to. */
  forward(topic: string, body: unknown): Promise<typeof forwarded>
}

export interface ServeRequestsOptions {
  bus: Bus
  topic: string
  clock: Clock
  log: Log
  /** Requests under way at once; further ones are answered `TooManyRequests`. */
  maxInFlight: number
  /** What `replyTo` and `stream` must look like; else the request is dropped: nobody may make us write to any topic. */
  replyPattern: RegExp
  streamPattern: RegExp
  /** Default 2 MiB. */
  maxRequestBytes?: number
  badMessages?: BadMessages
  /** Resolves to the body of the answer; rejects to answer with that error. */
  handle: (body: unknown, context: RequestContext) => Promise<unknown>
}

/** A deadline beyond this is no deadline. */
const maxTimeoutMs = 60 * 60 * 1000
/** Ids kept to notice a request that QoS 1 delivers twice. */
const maxRememberedIds = 4096

export async function serveRequests(options: ServeRequestsOptions): Promise<Unsubscribe> {
  const server = new Server(options)
  const unsubscribe = await options.bus.subscribe(options.topic, message => server.receive(message))
  return () => {
    unsubscribe()
    server.stop()
  }
}

class Server {
  #options: ServeRequestsOptions
  #bad: BadMessages
  #aborts = new Set<AbortController>()
  /** By asker and id: when to forget it. In order of arrival. */
  #seen = new Map<string, number>()

  constructor(options: ServeRequestsOptions) {
    this.#options = options
    this.#bad = options.badMessages ?? new BadMessages(options.log)
  }

  receive(message: Message): void {
    const { replyPattern, streamPattern, maxRequestBytes = 2 * 1024 * 1024 } = this.#options
    this.#bad.guard('request', message, () => {
      if (message.retained) throw new CodedError('BadRequest', 'cannot take a request: because it was retained')
      const value = decodeJson(message, maxRequestBytes)
      const request = readRequest(value, { reply: replyPattern, stream: streamPattern })
      if (this.#isNew(request)) void this.#serve(request)
    })
  }

  stop(): void {
    for (const abort of this.#aborts) {
      abort.abort(new CodedError('ServiceUnavailable', 'cannot answer: because the program is ending'))
    }
  }

  async #serve(request: RequestEnvelope): Promise<void> {
    if (this.#aborts.size >= this.#options.maxInFlight) {
      const reason = `${this.#options.maxInFlight} requests are under way`
      return this.#reply(request, { error: new CodedError('TooManyRequests', `cannot answer: because ${reason}`) })
    }
    const abort = new AbortController()
    this.#aborts.add(abort)
    const timeoutMs = Math.min(request.timeoutMs, maxTimeoutMs)
    const cancel = this.#options.clock.after(timeoutMs, () => {
      abort.abort(new CodedError('Timeout', `cannot answer: because the ${timeoutMs} ms of the asker are over`))
    })
    try {
      const body = await this.#options.handle(request.body, this.#context(request, abort.signal))
      if (body !== forwarded) await this.#reply(request, { body })
    } catch (error) {
      await this.#reply(request, { error })
    } finally {
      cancel()
      this.#aborts.delete(abort)
    }
  }

  #context(request: RequestEnvelope, signal: AbortSignal): RequestContext {
    const { bus, clock } = this.#options
    const deadline = clock.monotonic() + Math.min(request.timeoutMs, maxTimeoutMs)
    const remainingMs = (): number => Math.max(0, deadline - clock.monotonic())
    return {
      signal,
      replyTo: request.replyTo,
      stream: request.stream,
      remainingMs,
      forward: async (topic, body) => {
        signal.throwIfAborted()
        await bus.publish(topic, JSON.stringify({ ...request, timeoutMs: Math.ceil(remainingMs()), body }))
        return forwarded
      },
    }
  }

  async #reply(request: RequestEnvelope, answer: { body: unknown } | { error: unknown }): Promise<void> {
    try {
      await this.#options.bus.publish(request.replyTo, encodeReply(request.id, answer))
    } catch (error) {
      // The asker learns of a lost connection by itself; there is no other way to reach it.
      this.#options.log.debug('cannot send an answer', { topic: request.replyTo, error })
    }
  }

  #isNew(request: RequestEnvelope): boolean {
    const now = this.#options.clock.monotonic()
    for (const [key, forgetAt] of this.#seen) {
      if (forgetAt > now && this.#seen.size < maxRememberedIds) break
      this.#seen.delete(key)
    }
    const key = `${request.replyTo} ${request.id}`
    if (this.#seen.has(key)) return false
    this.#seen.set(key, now + Math.min(request.timeoutMs, maxTimeoutMs))
    return true
  }
}

function encodeReply(id: string, answer: { body: unknown } | { error: unknown }): string {
  const refuse = (error: unknown): string => JSON.stringify({ id, error: errorToWire(error) } satisfies ReplyEnvelope)
  if ('error' in answer) return refuse(answer.error)
  try {
    const text = JSON.stringify({ id, body: answer.body })
    if (Buffer.byteLength(text) <= maxReplyBytes - 1024) return text
    const reason = `it is larger than ${maxReplyBytes} bytes`
    return refuse(new CodedError('RequestEntityTooLarge', `cannot send the answer: because ${reason}`))
  } catch (error) {
    // A circle, a BigInt: a fault of the handler that must not leave the asker waiting.
    return refuse(error)
  }
}
