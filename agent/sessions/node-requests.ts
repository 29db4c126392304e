/** Answers what is asked of this node: logs and exec of its pods as streams, and a full report. */

import { maxPacketBytes, streamChunkBytes, streamWindowBytes } from '../../contract/wire/limits.ts'
import type { NodeResponse } from '../../contract/wire/node-request.ts'
import type { Topics } from '../../contract/wire/topics.ts'
import type { BadMessages } from '../../kit/bus/bad-messages.ts'
import type { Bus } from '../../kit/bus/bus.ts'
import { type RequestContext, serveRequests } from '../../kit/bus/serve-requests.ts'
import { type FrameStream, openStream } from '../../kit/bus/stream.ts'
import type { Clock } from '../../kit/clock.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { startExec } from './exec.ts'
import { sendLogs } from './logs.ts'
import { readNodeRequest } from './read-node-request.ts'

export interface NodeRequestsParts {
  bus: Bus
  topics: Topics
  nodeName: string
  runtime: Runtime
  clock: Clock
  log: Log
  badMessages: BadMessages
  onReportWanted: () => void
}

/** What carries the bytes once the asker has been told that the stream is open. */
type Carry = (stream: FrameStream) => Promise<void>

const maxInFlight = 64
/** Logs and shells open at once: each holds a process or a file, and up to a window of bytes. */
const maxStreams = 32

export class NodeRequests {
  #parts: NodeRequestsParts
  #streams = new Set<FrameStream>()
  /** Streams that are open or about to be. */
  #taken = 0
  #unserve: (() => void) | undefined

  constructor(parts: NodeRequestsParts) {
    this.#parts = parts
  }

  async start(): Promise<void> {
    const { bus, topics, nodeName, clock, log, badMessages } = this.#parts
    this.#unserve = await serveRequests({
      bus,
      topic: topics.nodeRequests(nodeName),
      clock,
      log,
      badMessages,
      maxInFlight,
      // Whoever could ask here is the master, whichever instance of it.
      askerOf: () => ({ replies: topics.nodeReplies(nodeName), stream: id => topics.nodeStream(nodeName, id) }),
      handle: (body, context) => this.#handle(body, context),
    })
  }

  async stop(): Promise<void> {
    this.#unserve?.()
    const ending = new CodedError('ServiceUnavailable', 'the agent is ending')
    await Promise.all([...this.#streams].map(stream => stream.end(ending)))
  }

  async #handle(body: unknown, context: RequestContext): Promise<NodeResponse> {
    const { runtime, clock, onReportWanted } = this.#parts
    const request = readNodeRequest(body)
    switch (request.verb) {
      case 'report':
        onReportWanted()
        return {}
      case 'logs':
        return this.#stream(context, () => sendLogs(runtime, request, clock))
      case 'exec':
        return this.#stream(context, () => startExec(runtime, request))
    }
  }

  /** The stream comes first: a process that was started for one that cannot be had would run for nobody. */
  async #stream(context: RequestContext, prepare: () => Promise<Carry>): Promise<NodeResponse> {
    if (!context.stream) throw new CodedError('BadRequest', 'cannot answer: because the request offers no stream')
    if (this.#taken >= maxStreams) {
      throw new CodedError('TooManyRequests', `cannot open a stream: because ${maxStreams} are open on this node`)
    }
    this.#taken++
    try {
      const stream = await this.#open(context.stream)
      await this.#carryBy(stream, prepare)
      return { stream: true }
    } catch (error) {
      this.#taken--
      throw error
    }
  }

  async #carryBy(stream: FrameStream, prepare: () => Promise<Carry>): Promise<void> {
    this.#streams.add(stream)
    const carry = await prepare().catch(async error => {
      this.#streams.delete(stream)
      await stream.end(error)
      throw error
    })
    void carry(stream)
      .then(() => stream.end())
      .catch(error => {
        this.#parts.log.debug('stream ended', { reason: messageOf(error) })
        return stream.end(error)
      })
      .finally(() => {
        this.#streams.delete(stream)
        this.#taken--
      })
  }

  #open(prefix: string): Promise<FrameStream> {
    const { bus, clock, badMessages } = this.#parts
    return openStream({
      ...{ bus, clock, badMessages, prefix, side: 'server' },
      windowBytes: streamWindowBytes,
      chunkBytes: streamChunkBytes,
      maxFrameBytes: maxPacketBytes,
    })
  }
}
