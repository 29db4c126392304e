/** Answering requests that come over the bus: who asks, deadlines, overload, duplicates. */
import type { Clock } from '../clock.ts'
import { CodedError } from '../errors.ts'
import type { Log } from '../log.ts'
import { BadMessages, decodeJson, refuseRetained } from './bad-messages.ts'
import type { Bus, Message, Unsubscribe } from './bus.ts'
import { maxReplyBytes, type ReplyEnvelope, type RequestEnvelope, readRequest } from './request.ts'
import { errorToWire } from './wire-error.ts'

export interface RequestContext<A extends AskerTopics = AskerTopics> {
  /** As `askerOf` told it. */
  asker: A
  /** That the asker gave the request. */
  id: string
  /** Aborts with `Timeout` at the asker's deadline, or when serving ends. */
  signal: AbortSignal
  /** Topic prefix of the stream that the asker holds open, if it does. */
  stream: string | undefined
  /** How long the asker still waits. */
  remainingMs(): number
}

/** Who asks, by the topics that are the asker's own; doors add what else they know of them. */
export interface AskerTopics {
  replies: string
  /** Topic prefix of a stream of this id. Absent: this asker has none. */
  stream?: (id: string) => string
}

export interface ServeRequestsOptions<A extends AskerTopics = AskerTopics> {
  bus: Bus
  /** Where requests come, such as `clients/+/requests`. */
  topic: string
  /**
   * Whose a topic is that a request came on: the broker lets nobody else publish there. Undefined drops the request.
   * Answers go where this says: nothing in a request can make us write elsewhere.
   */
  askerOf: (topic: string) => A | undefined
  clock: Clock
  log: Log
  /** Requests under way at once; further ones are answered `TooManyRequests`. */
  maxInFlight: number
  /** Default 2 MiB. */
  maxRequestBytes?: number
  badMessages?: BadMessages
  /** Resolves to the body of the answer; rejects to answer with that error. */
  handle: (body: unknown, context: RequestContext<A>) => Promise<unknown>
}

/** A deadline beyond this is no deadline. */
const maxTimeoutMs = 60 * 60 * 1000
/** Ids kept to notice a request that QoS 1 delivers twice. */
const maxRememberedIds = 4096

export async function serveRequests<A extends AskerTopics>(options: ServeRequestsOptions<A>): Promise<Unsubscribe> {
  const server = new Server(options)
  const unsubscribe = await options.bus.subscribe(options.topic, message => server.receive(message))
  return () => {
    unsubscribe()
    server.stop()
  }
}

interface Asked<A> extends RequestEnvelope {
  asker: A
}

class Server<A extends AskerTopics> {
  #options: ServeRequestsOptions<A>
  #bad: BadMessages
  #aborts = new Set<AbortController>()
  /** By asker and id: when to forget it. In order of arrival. */
  #seen = new Map<string, number>()

  constructor(options: ServeRequestsOptions<A>) {
    this.#options = options
    this.#bad = options.badMessages ?? new BadMessages(options.log)
  }

  receive(message: Message): void {
    const { askerOf, maxRequestBytes = 2 * 1024 * 1024 } = this.#options
    this.#bad.guard('request', message, () => {
      refuseRetained(message)
      const asker = askerOf(message.topic)
      if (!asker) throw new CodedError('BadRequest', 'cannot take a request: because nobody asks on this topic')
      const request = { ...readRequest(decodeJson(message, maxRequestBytes)), asker }
      if (this.#isNew(request)) void this.#serve(request)
    })
  }

  stop(): void {
    for (const abort of this.#aborts) {
      abort.abort(new CodedError('ServiceUnavailable', 'cannot answer: because the program is ending'))
    }
  }

  async #serve(request: Asked<A>): Promise<void> {
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
      await this.#reply(request, {
        body: await this.#options.handle(request.body, this.#context(request, abort.signal)),
      })
    } catch (error) {
      await this.#reply(request, { error })
    } finally {
      cancel()
      this.#aborts.delete(abort)
    }
  }

  #context({ asker, id, stream, timeoutMs }: Asked<A>, signal: AbortSignal): RequestContext<A> {
    const { clock } = this.#options
    const deadline = clock.monotonic() + Math.min(timeoutMs, maxTimeoutMs)
    return {
      asker,
      id,
      signal,
      stream: stream === undefined ? undefined : asker.stream?.(stream),
      remainingMs: () => Math.max(0, deadline - clock.monotonic()),
    }
  }

  async #reply({ id, asker }: Asked<A>, answer: { body: unknown } | { error: unknown }): Promise<void> {
    try {
      await this.#options.bus.publish(asker.replies, encodeReply(id, answer))
    } catch (error) {
      // The asker learns of a lost connection by itself; there is no other way to reach it.
      this.#options.log.debug('cannot send an answer', { topic: asker.replies, error })
    }
  }

  #isNew(request: Asked<A>): boolean {
    const now = this.#options.clock.monotonic()
    for (const [key, forgetAt] of this.#seen) {
      if (forgetAt > now && this.#seen.size < maxRememberedIds) break
      this.#seen.delete(key)
    }
    const key = `${request.asker.replies} ${request.id}`
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
