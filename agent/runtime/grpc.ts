/** A small gRPC client: unary calls and server streams over HTTP/2 on a Unix socket, for the runtime's adapters. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import { connect as connectSocket } from 'node:net'
import type { Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import { FrameReader, frameMessage } from './grpc-frames.ts'
import { statusError } from './grpc-status.ts'
import { decode, encode, type Fields, type Message, type PartialMessage } from './protobuf.ts'

/** A method of a service, and the tables of what goes in and out. */
export interface Method<Request extends Fields, Response extends Fields> {
  /** `/package.Service/Method` */
  path: string
  request: Request
  response: Response
}

export interface CallOptions {
  /** The call rejects with `Timeout` after so long, and the server is told to stop working on it. Left out only to wait for an event. */
  deadlineMs?: number
  /** Cancels the call; it then rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

export interface GrpcOptions {
  socketPath: string
  clock: Clock
  /** Sent with every call. */
  metadata?: Record<string, string>
}

export class GrpcClient {
  #options: GrpcOptions
  #session: ClientHttp2Session | undefined
  #closed = false

  constructor(options: GrpcOptions) {
    this.#options = options
  }

  async call<Q extends Fields, R extends Fields>(
    method: Method<Q, R>,
    request: PartialMessage<Q>,
    options: CallOptions,
  ): Promise<Message<R>> {
    const responses: Uint8Array[] = []
    await this.#exchange(method, request, { ...options, onMessage: bytes => responses.push(bytes) })
    // grpc: a unary call that ends with status OK carries exactly one message.
    if (responses.length !== 1)
      throw new CodedError('InternalError', `cannot call ${method.path}: because ${responses.length} answers came`)
    return decode(method.response, responses[0]!)
  }

  /** Resolves when the server ends the stream with OK; there is no deadline but `signal`. */
  stream<Q extends Fields, R extends Fields>(
    method: Method<Q, R>,
    request: PartialMessage<Q>,
    options: { signal: AbortSignal; onMessage: (message: Message<R>) => void },
  ): Promise<void> {
    const onMessage = (bytes: Uint8Array): void => options.onMessage(decode(method.response, bytes))
    return this.#exchange(method, request, { ...options, onMessage })
  }

  /** Ends the connection; calls under way reject. */
  close(): void {
    this.#closed = true
    this.#session?.destroy()
    this.#session = undefined
  }

  async #exchange<Q extends Fields, R extends Fields>(
    method: Method<Q, R>,
    request: PartialMessage<Q>,
    options: Exchange,
  ): Promise<void> {
    options.signal?.throwIfAborted()
    const body = frameMessage(encode(method.request, request))
    const stream = this.#open(method.path, options.deadlineMs)
    const cancels = this.#armCancellation(stream, method.path, options)
    try {
      stream.end(body)
      await receive(stream, method.path, options)
    } catch (error) {
      throw options.signal?.aborted ? options.signal.reason : error
    } finally {
      for (const cancel of cancels) cancel()
    }
  }

  #open(path: string, deadlineMs: number | undefined): ClientHttp2Stream {
    return this.#connect().request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(deadlineMs !== undefined && { 'grpc-timeout': `${Math.min(Math.ceil(deadlineMs), 99_999_999)}m` }),
      ...this.#options.metadata,
    })
  }

  /** The session at hand, or a new one: after a restart of the server the next call connects anew. */
  #connect(): ClientHttp2Session {
    if (this.#closed)
      throw new CodedError('ServiceUnavailable', 'cannot call the runtime: because its client is closed')
    if (this.#session) return this.#session
    const { socketPath } = this.#options
    const session = connect('http://localhost', { createConnection: () => connectSocket(socketPath) })
    const forget = (): void => {
      if (this.#session === session) this.#session = undefined
    }
    // Each stream reports the failure to its own caller; the session only must not be used again.
    session.on('error', forget).on('close', forget).on('goaway', forget)
    this.#session = session
    return session
  }

  #armCancellation(stream: ClientHttp2Stream, path: string, { deadlineMs, signal }: Exchange): Array<() => void> {
    const cancels: Array<() => void> = []
    if (deadlineMs !== undefined) {
      const late = new CodedError('Timeout', `cannot call ${path}: because no answer came within ${deadlineMs} ms`)
      cancels.push(this.#options.clock.after(deadlineMs, () => cancelStream(stream, late)))
    }
    if (signal) {
      const onAbort = (): void => cancelStream(stream, signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      cancels.push(() => signal.removeEventListener('abort', onAbort))
    }
    return cancels
  }
}

interface Exchange {
  deadlineMs?: number
  signal?: AbortSignal | undefined
  onMessage: (bytes: Uint8Array) => void
}

/** RST_STREAM CANCEL is how gRPC over HTTP/2 says that the caller no longer wants the answer. */
function cancelStream(stream: ClientHttp2Stream, reason: unknown): void {
  stream.close(constants.NGHTTP2_CANCEL)
  stream.destroy(reason instanceof Error ? reason : new Error(String(reason)))
}

function receive(stream: ClientHttp2Stream, path: string, options: Exchange): Promise<void> {
  return new Promise((resolve, reject) => {
    let status: IncomingHttpHeaders | undefined
    const frames = new FrameReader(options.onMessage)
    stream.on('response', headers => {
      // A call that fails at once has its status here ("trailers-only").
      if (headers['grpc-status'] !== undefined) status = headers
    })
    stream.on('trailers', headers => {
      status = headers
    })
    stream.on('data', (chunk: Buffer) => {
      try {
        frames.push(chunk)
      } catch (error) {
        stream.destroy(error as Error)
      }
    })
    stream.on('error', error => reject(connectionError(path, error)))
    stream.on('close', () => {
      const error = status ? statusError(path, status) : connectionError(path, new Error('the connection broke'))
      if (error) reject(error)
      else resolve()
    })
  })
}

function connectionError(path: string, cause: Error): Error {
  if (cause instanceof CodedError) return cause
  return new CodedError('ServiceUnavailable', `cannot call ${path}: because ${cause.message}`, { cause })
}
