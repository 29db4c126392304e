/** The API's door to MQTT: answers requests, streams watches, and passes logs and exec on to the node that has them. */
import type { ApiRequest, ApiResponse } from '../../contract/wire/api.ts'
import { maxObjectBytes, streamChunkBytes, streamWindowBytes } from '../../contract/wire/limits.ts'
import type { Topics } from '../../contract/wire/topics.ts'
import type { Bus, Unsubscribe } from '../../kit/bus/bus.ts'
import { type RequestContext, serveRequests } from '../../kit/bus/serve-requests.ts'
import { type FrameStream, openStream } from '../../kit/bus/stream.ts'
import type { Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Api } from './api.ts'
import { readApiRequest } from './read-request.ts'
import { badRequest } from './refusals.ts'
import type { Answer, Forward } from './room.ts'

export interface DoorParts {
  api: Api
  bus: Bus
  topics: Topics
  clock: Clock
  log: Log
  /** Defaults: 256 requests under way, 1000 watches open. */
  maxRequests?: number
  maxWatches?: number
}

/** A frame holds one object, which JSON in JSON may not grow beyond this. */
const maxFrameBytes = 2 * maxObjectBytes

export class MqttDoor {
  #parts: DoorParts
  #watches = new Set<FrameStream>()
  #close: Unsubscribe | undefined

  constructor(parts: DoorParts) {
    this.#parts = parts
  }

  async start(): Promise<void> {
    const { bus, topics, clock, log, maxRequests = 256 } = this.#parts
    this.#close = await serveRequests({
      bus,
      topic: topics.masterRequests,
      clock,
      log,
      maxInFlight: maxRequests,
      replyPattern: topics.repliesPattern,
      streamPattern: topics.streamPattern,
      handle: (body, context) => this.#handle(body, context),
    })
  }

  async stop(): Promise<void> {
    this.#close?.()
    const ending = new CodedError('ServiceUnavailable', 'the master is ending: watch again')
    await Promise.all([...this.#watches].map(stream => stream.end(ending)))
  }

  async #handle(body: unknown, context: RequestContext): Promise<unknown> {
    const request = readApiRequest(body)
    const needsStream = request.verb === 'watch' || request.verb === 'logs' || request.verb === 'exec'
    if (needsStream && context.stream === undefined)
      throw badRequest(`cannot ${request.verb}: because no stream is open`)
    if (request.verb === 'watch') return this.#watch(request, context)
    const answer = await this.#parts.api.handle(request, { user: userOf(context), signal: context.signal })
    return 'forward' in answer ? this.#forward(answer, context) : answer
  }

  #forward({ node, forward }: Forward, context: RequestContext): Promise<unknown> {
    return context.forward(this.#parts.topics.nodeRequests(node), forward)
  }

  async #watch(request: ApiRequest, context: RequestContext): Promise<ApiResponse> {
    const { maxWatches = 1000 } = this.#parts
    if (this.#watches.size >= maxWatches)
      throw new CodedError('TooManyRequests', `cannot watch: because ${maxWatches} watches are open`)
    // The request's own signal ends with its answer; a watch lives as long as its stream.
    const life = new AbortController()
    const answer = await this.#parts.api.handle(request, { user: userOf(context), signal: life.signal })
    const stream = await this.#openStream(context.stream ?? '')
    this.#watches.add(stream)
    void stream.closed.then(() => {
      this.#watches.delete(stream)
      life.abort()
    })
    void this.#pump(answer, stream)
    return { stream: true }
  }

  async #pump(answer: Answer, stream: FrameStream): Promise<void> {
    try {
      if ('frames' in answer) for await (const frame of answer.frames) await stream.send(frame)
      await stream.end()
    } catch (error) {
      // The reader has gone, or a frame could not be sent: it learns of it by the stream's end, if it still listens.
      this.#parts.log.debug('a watch has ended', { error })
      await stream.end(error)
    }
  }

  #openStream(prefix: string): Promise<FrameStream> {
    const { bus, clock } = this.#parts
    const limits = { windowBytes: streamWindowBytes, chunkBytes: streamChunkBytes, maxFrameBytes }
    return openStream({ bus, clock, prefix, side: 'server', ...limits })
  }
}

/** Clients are told apart by their replies topic, which the broker gives to each alone. */
function userOf({ replyTo }: RequestContext): string {
  return replyTo.split('/').at(-2) ?? ''
}
