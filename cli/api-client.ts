/** The API as commands use it: one method a verb, over requests and streams of the bus. */
import type { AnyObject, ObjectList } from '../contract/resources/meta.ts'
import type { PolicyRule } from '../contract/resources/rbac.ts'
import type {
  ApiRequest,
  ApiResponse,
  ExecOptions,
  LogOptions,
  Outcome,
  PatchType,
  ReviewAttributes,
  Selectors,
  Target,
  WatchFrame,
} from '../contract/wire/api.ts'
import { maxObjectBytes, streamChunkBytes, streamWindowBytes } from '../contract/wire/limits.ts'
import type { ClientName, Topics } from '../contract/wire/topics.ts'
import type { Bus } from '../kit/bus/bus.ts'
import type { Requester } from '../kit/bus/request.ts'
import { type FrameStream, openStream } from '../kit/bus/stream.ts'
import type { Clock } from '../kit/clock.ts'
import { CodedError, hasCode } from '../kit/errors.ts'
import type { Random } from '../kit/random.ts'

export interface ApiClientParts {
  bus: Bus
  requester: Requester
  topics: Topics
  /** In whose name to ask. */
  username: string
  clock: Clock
  random: Random
}

export interface Written {
  object: AnyObject
  warnings: string[]
  outcome: Outcome | undefined
}

export interface WatchOptions extends Selectors {
  /** Absent: what there is comes first. */
  resourceVersion?: string
  signal?: AbortSignal
}

export interface Version {
  flotilla: string
  cluster: string
  epoch: number
}

export interface BearerToken {
  token: string
  expirationTimestamp: string
}

/** What a board must be told to join, but for the token. */
export interface Invitation {
  cluster: string
  addresses: string[]
  caFingerprint: string
}

/** Whom the asker stands in for. */
export interface Rules {
  rules: PolicyRule[]
  user: { username: string; groups: string[] }
}

export interface Impersonation {
  as?: string
  asGroups?: string[]
}

/** Every answer comes within this, or the command says so. */
const requestTimeoutMs = 10_000
/** Objects in a page, at most: a page also ends by bytes. */
const pageSize = 500
const maxFrameBytes = 2 * maxObjectBytes

export class ApiClient {
  #parts: ApiClientParts
  #streams = new Set<FrameStream>()
  #shutOut: Error | undefined

  constructor(parts: ApiClientParts) {
    this.#parts = parts
  }

  async get(target: Target): Promise<AnyObject> {
    return readWritten(await this.#call({ verb: 'get', target })).object
  }

  /** All pages in one list. */
  async list(target: Target, selectors: Selectors = {}): Promise<ObjectList> {
    const items: AnyObject[] = []
    let token: string | undefined
    for (;;) {
      const page = { ...selectors, limit: pageSize, ...(token !== undefined && { continue: token }) }
      const response = await this.#call({ verb: 'list', target, ...page })
      if (!('list' in response)) throw unexpected()
      items.push(...response.list.items)
      token = response.list.metadata.continue
      const { resourceVersion } = response.list.metadata
      if (token === undefined) return { ...response.list, metadata: { resourceVersion }, items }
    }
  }

  async *watch(target: Target, options: WatchOptions = {}): AsyncGenerator<WatchFrame> {
    const { signal, ...rest } = options
    const stream = await this.#open({ verb: 'watch', target, ...rest })
    const onAbort = (): void => void stream.end()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      if (signal?.aborted) return
      for await (const frame of stream.frames) yield frame as WatchFrame
    } finally {
      signal?.removeEventListener('abort', onAbort)
      await stream.end()
    }
  }

  async apply(
    target: Target,
    object: AnyObject,
    options: { dryRun?: boolean; pendingNamespaces?: string[] } = {},
  ): Promise<Written> {
    return readWritten(await this.#call({ verb: 'apply', target, object, ...options }))
  }

  async create(target: Target, object: AnyObject, options: { dryRun?: boolean } = {}): Promise<Written> {
    return readWritten(await this.#call({ verb: 'create', target, object, ...options }))
  }

  async delete(
    target: Target,
    options: { gracePeriodSeconds?: number; uid?: string; dryRun?: boolean } = {},
  ): Promise<Written> {
    return readWritten(await this.#call({ verb: 'delete', target, ...options }))
  }

  async version(): Promise<Version> {
    const response = await this.#call({ verb: 'version' })
    if (!('version' in response)) throw unexpected()
    return response.version
  }

  async patch(target: Target, patch: unknown, patchType: PatchType = 'merge'): Promise<Written> {
    return readWritten(await this.#call({ verb: 'patch', target, patch, patchType }))
  }

  /** A certificate for the key of `csr` (PEM), in the name of the target, which is a user; `time` is the master's, a moment later. */
  async sign(target: Target, csr: string): Promise<{ certificate: string; ca: string; time?: string }> {
    const response = await this.#call({ verb: 'sign', target, csr })
    if (!('certificate' in response)) throw unexpected()
    return response
  }

  /** A bearer token in the name of the target: a user or a service account. */
  async token(target: Target, expirationSeconds?: number): Promise<BearerToken> {
    const span = expirationSeconds !== undefined && { expirationSeconds }
    const response = await this.#call({ verb: 'token', target, ...span })
    if (!('token' in response)) throw unexpected()
    return response
  }

  async invite(): Promise<Invitation> {
    const response = await this.#call({ verb: 'invite' })
    if (!('invitation' in response)) throw unexpected()
    return response.invitation
  }

  /** Resolves to how many secrets were encrypted anew. */
  async rotate(): Promise<number> {
    const response = await this.#call({ verb: 'rotate' })
    if (!('rotated' in response)) throw unexpected()
    return response.rotated
  }

  async counters(): Promise<Record<string, number>> {
    const response = await this.#call({ verb: 'counters' })
    if (!('counters' in response)) throw unexpected()
    return response.counters
  }

  async review(attributes: ReviewAttributes, as: Impersonation = {}): Promise<{ allowed: boolean; reason: string }> {
    const response = await this.#call({ verb: 'review', attributes, ...as })
    if (!('allowed' in response)) throw unexpected()
    return response
  }

  /** All that somebody may do in a namespace, and who that is. */
  async rules(namespace: string, as: Impersonation = {}): Promise<Rules> {
    const response = await this.#call({ verb: 'rules', namespace, ...as })
    if (!('rules' in response)) throw unexpected()
    return response
  }

  /** Frames are OutputFrames. */
  logs(target: Target, options: LogOptions): Promise<FrameStream> {
    return this.#open({ verb: 'logs', target, options })
  }

  /** Frames are OutputFrames and one ExitFrame; InputFrames go up. */
  exec(target: Target, options: ExecOptions): Promise<FrameStream> {
    return this.#open({ verb: 'exec', target, options })
  }

  /** Whoever streams to us learns that nobody reads any more. */
  async endStreams(): Promise<void> {
    await Promise.all([...this.#streams].map(stream => stream.end()))
  }

  get #name(): ClientName {
    return { username: this.#parts.username, client: this.#parts.bus.clientId }
  }

  /** From now on nothing is asked: whoever would try again later is told at once. */
  shutOut(error: Error): void {
    this.#shutOut = error
  }

  async #call(request: ApiRequest, stream?: string): Promise<ApiResponse> {
    if (this.#shutOut) throw this.#shutOut
    const { requester, topics } = this.#parts
    const options = { timeoutMs: requestTimeoutMs, ...(stream !== undefined && { stream }) }
    const answer = requester.request(topics.clientRequests(this.#name), request, options)
    const response = await answer.catch(explainSilence)
    if (typeof response !== 'object' || response === null) throw unexpected()
    return response as ApiResponse
  }

  async #open(request: ApiRequest): Promise<FrameStream> {
    if (this.#shutOut) throw this.#shutOut
    const { bus, topics, clock, random } = this.#parts
    const id = random.uuid()
    const prefix = topics.clientStream(this.#name, id)
    const limits = { windowBytes: streamWindowBytes, chunkBytes: streamChunkBytes, maxFrameBytes }
    const stream = await openStream({ bus, prefix, side: 'opener', clock, ...limits })
    this.#streams.add(stream)
    void stream.closed.then(() => this.#streams.delete(stream))
    try {
      await this.#call(request, id)
      return stream
    } catch (error) {
      await stream.end()
      throw error
    }
  }
}

function readWritten(response: ApiResponse): Written {
  if (!('object' in response)) throw unexpected()
  const { object, warnings = [], outcome } = response
  return { object, warnings, outcome }
}

function unexpected(): CodedError {
  return new CodedError('InternalError', 'cannot read the answer: because it is not of the kind that was asked for')
}

/** The broker took the request and nobody answered it: a topic name in a message would help no one. Of nodes the master tells. */
function explainSilence(error: unknown): never {
  if (!hasCode(error, 'Timeout')) throw error
  const question = 'is the master running, and is its cluster the one that the configuration names?'
  const message = `cannot reach the API: because there was no answer in ${requestTimeoutMs / 1000} s: ${question}`
  throw new CodedError('Timeout', message, { cause: error })
}
