/** The API's door to MQTT: knows who asks, answers, streams watches, and relays logs and shells of the node that has them. */
import type { ApiRequest, ApiResponse } from '../../contract/wire/api.ts'
import { type Identity, parseUsername, usernameOf } from '../../contract/wire/identity.ts'
import { maxObjectBytes, streamChunkBytes, streamWindowBytes } from '../../contract/wire/limits.ts'
import type { Topics } from '../../contract/wire/topics.ts'
import type { BadMessages } from '../../kit/bus/bad-messages.ts'
import type { Bus, Unsubscribe } from '../../kit/bus/bus.ts'
import type { Requester } from '../../kit/bus/request.ts'
import { type AskerTopics, type RequestContext, serveRequests } from '../../kit/bus/serve-requests.ts'
import { type FrameStream, openStream } from '../../kit/bus/stream.ts'
import { toCodedError } from '../../kit/bus/wire-error.ts'
import type { Clock } from '../../kit/clock.ts'
import { CodedError, hasCode } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Random } from '../../kit/random.ts'
import type { Api } from './api.ts'
import { readApiRequest } from './read-request.ts'
import { badRequest } from './refusals.ts'
import { Relays } from './relay.ts'
import type { Answer, ApiContext, Forward } from './room.ts'
import { Shares } from './shares.ts'

export interface DoorParts {
  api: Api
  bus: Bus
  topics: Topics
  /** Asks nodes, and hears the answers of all of them. */
  requester: Requester
  clock: Clock
  random: Random
  log: Log
  badMessages: BadMessages
  /** Defaults: 256 requests under way, 1000 watches open, 256 logs and shells; half of the first and a quarter of the others for each user. */
  maxRequests?: number
  maxWatches?: number
  maxRelays?: number
}

/** A client, and who it speaks for: the broker has checked that. */
interface Asker extends AskerTopics {
  identity: Identity
  client: string
}

type Context = RequestContext<Asker>

/** A frame holds one object, which JSON in JSON may not grow beyond this. */
const maxFrameBytes = 2 * maxObjectBytes
/** Of the time that a client waits, for the node: so that the client hears from us that the node did not answer. */
const nodeShare = 0.9
const defaultMaxRequests = 256

export class MqttDoor {
  #parts: DoorParts
  #watches = new Set<FrameStream>()
  #relays: Relays
  #requestShares: Shares
  #watchShares: Shares
  #relayShares: Shares
  #close: Unsubscribe | undefined

  constructor(parts: DoorParts) {
    this.#parts = parts
    this.#relays = new Relays(parts)
    const { maxRequests, maxWatches = 1000, maxRelays = 256 } = parts
    this.#requestShares = shareOf('requests', maxRequests ?? defaultMaxRequests, 2)
    this.#watchShares = shareOf('watches', maxWatches, 4)
    this.#relayShares = shareOf('logs and shells', maxRelays, 4)
  }

  async start(): Promise<void> {
    const { bus, topics, clock, log, badMessages, maxRequests = defaultMaxRequests } = this.#parts
    this.#close = await serveRequests({
      bus,
      topic: topics.clientRequests({ username: '+', client: '+' }),
      clock,
      log,
      badMessages,
      maxInFlight: maxRequests,
      askerOf: topic => askerOf(topics, topic),
      handle: (body, context) => this.#handle(body, context),
    })
  }

  async stop(): Promise<void> {
    this.#close?.()
    const ending = new CodedError('ServiceUnavailable', 'the master is ending: watch again')
    await Promise.all([this.#relays.stop(), ...[...this.#watches].map(stream => stream.end(ending))])
  }

  async #handle(body: unknown, context: Context): Promise<unknown> {
    const giveBack = this.#requestShares.take(usernameOf(context.asker.identity))
    return this.#answer(body, context).finally(giveBack)
  }

  async #answer(body: unknown, context: Context): Promise<unknown> {
    const request = readApiRequest(body)
    const needsStream = request.verb === 'watch' || request.verb === 'logs' || request.verb === 'exec'
    if (needsStream && context.stream === undefined)
      throw badRequest(`cannot ${request.verb}: because no stream is open`)
    if (request.verb === 'watch') return this.#watch(request, context)
    const answer = await this.#parts.api.handle(request, whoAsks(context, context.signal))
    return 'forward' in answer ? this.#relay(answer, context) : answer
  }

  /** The node hears of a stream of ours, whose id nobody can guess; the client's name stays with us. */
  async #relay({ node, forward }: Forward, context: Context): Promise<ApiResponse> {
    const { topics, requester, random } = this.#parts
    const id = random.uuid()
    const giveBack = this.#relayShares.take(usernameOf(context.asker.identity))
    const ends = { client: context.stream ?? '', node: topics.nodeStream(node, id) }
    const relay = await this.#relays.open(ends).catch(error => {
      giveBack()
      throw error
    })
    void relay.closed.then(giveBack)
    const timeoutMs = Math.ceil(context.remainingMs() * nodeShare)
    try {
      const where = { stream: id, answeredOn: topics.nodeReplies(node) }
      await requester.request(topics.nodeRequests(node), forward, { timeoutMs, signal: context.signal, ...where })
      return { stream: true }
    } catch (error) {
      const failure = explainSilence(error, node, timeoutMs)
      await relay.giveUp(toCodedError(failure))
      throw failure
    }
  }

  async #watch(request: ApiRequest, context: Context): Promise<ApiResponse> {
    const giveBack = this.#watchShares.take(usernameOf(context.asker.identity))
    // The request's own signal ends with its answer; a watch lives as long as its stream.
    const life = new AbortController()
    const end = (): void => {
      life.abort()
      giveBack()
    }
    try {
      const answer = await this.#parts.api.handle(request, whoAsks(context, life.signal))
      const stream = await this.#openStream(context.stream ?? '')
      this.#watches.add(stream)
      void stream.closed.then(() => this.#watches.delete(stream)).then(end)
      void this.#pump(answer, stream)
      return { stream: true }
    } catch (error) {
      end()
      throw error
    }
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
    const { bus, clock, badMessages } = this.#parts
    const limits = { windowBytes: streamWindowBytes, chunkBytes: streamChunkBytes, maxFrameBytes }
    return openStream({ bus, clock, prefix, side: 'server', badMessages, ...limits })
  }
}

function shareOf(of: string, most: number, parts: number): Shares {
  return new Shares({ of, most, mostEach: Math.ceil(most / parts) })
}

/** Undefined for a name that is nobody's, and for a board that is not a node yet: it has topics of its own. */
function askerOf(topics: Topics, topic: string): Asker | undefined {
  const of = topics.parseClient(topic)
  const identity = of && parseUsername(of.username)
  if (!identity || identity.kind === 'joining') return undefined
  return { identity, client: of.client, replies: topics.clientReplies(of), stream: id => topics.clientStream(of, id) }
}

function whoAsks({ asker, id }: Context, signal: AbortSignal): ApiContext {
  return { identity: asker.identity, client: asker.client, requestId: id, signal }
}

function explainSilence(error: unknown, node: string, timeoutMs: number): unknown {
  if (!hasCode(error, 'Timeout')) return error
  const reason = `it did not answer in ${(timeoutMs / 1000).toFixed(1)} s: is it Ready? See "flotilla get nodes"`
  return new CodedError('ServiceUnavailable', `cannot reach node ${node}: because ${reason}`, { cause: error })
}
