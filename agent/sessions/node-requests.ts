/** Answers what is asked of this node: logs and exec of its pods as streams, and a full report. */

import { maxPacketBytes, streamChunkBytes, streamWindowBytes } from '../../contract/wire/limits.ts'
import type { NodeRequest, NodeResponse } from '../../contract/wire/node-request.ts'
import type { Topics } from '../../contract/wire/topics.ts'
import { asRecord, type BadMessages } from '../../kit/bus/bad-messages.ts'
import type { Bus } from '../../kit/bus/bus.ts'
import { type RequestContext, serveRequests } from '../../kit/bus/serve-requests.ts'
import { type FrameStream, openStream } from '../../kit/bus/stream.ts'
import type { Clock } from '../../kit/clock.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { startExec } from './exec.ts'
import { sendLogs } from './logs.ts'

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
      replyPattern: topics.repliesPattern,
      streamPattern: topics.streamPattern,
      handle: (body, context) => this.#handle(readNodeRequest(body), context),
    })
  }

  async stop(): Promise<void> {
    this.#unserve?.()
    const ending = new CodedError('ServiceUnavailable', 'the agent is ending')
    await Promise.all([...this.#streams].map(stream => stream.end(ending)))
  }

  async #handle(request: NodeRequest, context: RequestContext): Promise<NodeResponse> {
    const { runtime, onReportWanted } = this.#parts
    switch (request.verb) {
      case 'report':
        onReportWanted()
        return {}
      case 'logs':
        return this.#stream(context, await sendLogs(runtime, request, this.#parts.clock))
      case 'exec':
        return this.#stream(context, await startExec(runtime, request))
    }
  }

  async #stream(context: RequestContext, carry: Carry): Promise<NodeResponse> {
    if (!context.stream) throw new CodedError('BadRequest', 'cannot answer: because the request offers no stream')
    if (this.#streams.size >= maxStreams) {
      throw new CodedError('TooManyRequests', `cannot open a stream: because ${maxStreams} are open on this node`)
    }
    const { bus, clock, log } = this.#parts
    const stream = await openStream({
      bus,
      prefix: context.stream,
      side: 'server',
      clock,
      windowBytes: streamWindowBytes,
      chunkBytes: streamChunkBytes,
      maxFrameBytes: maxPacketBytes,
    })
    this.#streams.add(stream)
    void carry(stream)
      .then(() => stream.end())
      .catch(error => {
        log.debug('stream ended', { reason: messageOf(error) })
        return stream.end(error)
      })
      .finally(() => this.#streams.delete(stream))
    return { stream: true }
  }
}

/** What comes from the wire is checked before anything is done with it. */
export function readNodeRequest(body: unknown): NodeRequest {
  const { verb, pod, container, options } = asRecord(body)
  if (verb === 'report') return { verb }
  if (verb !== 'logs' && verb !== 'exec') throw bad(`"${String(verb).slice(0, 80)}" is not a verb of a node`)
  const target = asRecord(pod)
  for (const field of ['namespace', 'name', 'uid']) {
    if (typeof target[field] !== 'string') throw bad(`pod.${field} must be a string`)
  }
  if (typeof container !== 'string') throw bad('container must be a string')
  if (verb === 'exec' && !isWords(asRecord(options)['command'])) throw bad('options.command must be a list of words')
  return { verb, pod: target, container, options: asRecord(options) } as unknown as NodeRequest
}

function isWords(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(word => typeof word === 'string')
}

function bad(reason: string): CodedError {
  return new CodedError('BadRequest', `cannot read a request: because ${reason}`)
}
