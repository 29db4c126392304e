/** What a node asks of the API in its own name: certificates for itself, and tokens for the pods it runs. */
import { flotillaGroup } from '../../contract/resources/trust.ts'
import type { ApiRequest, ApiResponse } from '../../contract/wire/api.ts'
import type { Topics } from '../../contract/wire/topics.ts'
import type { Bus } from '../../kit/bus/bus.ts'
import { Requester } from '../../kit/bus/request.ts'
import type { Clock } from '../../kit/clock.ts'
import { CodedError, hasCode } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Random } from '../../kit/random.ts'

export interface NodeApiParts {
  bus: Bus
  topics: Topics
  /** `system:node:<name>`. */
  username: string
  nodeName: string
  clock: Clock
  random: Random
  log: Log
}

/** Whose token, for which of its pods. */
export interface TokenWish {
  namespace: string
  serviceAccount: string
  pod: { name: string; uid: string }
  /** The master may give it a shorter life. */
  expirationSeconds?: number
  /** Whom it is to be shown to, when that is not the cluster's API. */
  audience?: string
}

export interface BearerToken {
  token: string
  /** RFC 3339, by the master's clock. */
  expirationTimestamp: string
}

const requestTimeoutMs = 10_000
/** A board runs about a hundred pods; each asks for its tokens one after the other. */
const maxPending = 200

export class NodeApi {
  #parts: NodeApiParts
  #requester: Requester
  #topic: string

  constructor(parts: NodeApiParts) {
    const { bus, topics, username, clock, random, log } = parts
    const of = { username, client: bus.clientId }
    this.#parts = parts
    this.#topic = topics.clientRequests(of)
    this.#requester = new Requester({ bus, repliesTopic: topics.clientReplies(of), clock, random, log, maxPending })
  }

  start(): Promise<void> {
    return this.#requester.start()
  }

  stop(): Promise<void> {
    return this.#requester.stop()
  }

  /** Rejects as the master answers, with `ServiceUnavailable` while it is away, or with `Timeout`. */
  async token({ namespace, serviceAccount, ...rest }: TokenWish, signal?: AbortSignal): Promise<BearerToken> {
    const target = { resource: 'serviceaccounts', group: '', namespace, name: serviceAccount }
    const response = await this.#call({ verb: 'token', target, ...rest }, signal)
    if (!('token' in response) || typeof response.token !== 'string') throw unexpected()
    return { token: response.token, expirationTimestamp: String(response.expirationTimestamp) }
  }

  /** A new certificate for the key that the node joined with. Rejects as `token` does. */
  async sign(): Promise<{ certificate: string; time: string | undefined }> {
    const target = { resource: 'nodeidentities', group: flotillaGroup, name: this.#parts.nodeName }
    const response = await this.#call({ verb: 'sign', target })
    if (!('certificate' in response) || typeof response.certificate !== 'string') throw unexpected()
    return { certificate: response.certificate, time: response.time }
  }

  async #call(request: ApiRequest, signal?: AbortSignal): Promise<ApiResponse> {
    const options = { timeoutMs: requestTimeoutMs, ...(signal && { signal }) }
    const response = await this.#requester.request(this.#topic, request, options).catch(error => {
      throw this.#explain(error)
    })
    if (typeof response !== 'object' || response === null) throw unexpected()
    return response as ApiResponse
  }

  /** In words for an Event of a pod, whose owner knows nothing of topics. What the master answers is in its own words. */
  #explain(error: unknown): unknown {
    const cannotAsk = (code: 'Timeout' | 'ServiceUnavailable', why: string): CodedError =>
      new CodedError(code, `cannot ask the master: because ${why}`, { cause: error })
    if (hasCode(error, 'Timeout')) return cannotAsk('Timeout', `it did not answer in ${requestTimeoutMs / 1000} s`)
    const isAway = hasCode(error, 'ServiceUnavailable') && !this.#parts.bus.connected
    return isAway ? cannotAsk('ServiceUnavailable', 'it cannot be reached') : error
  }
}

function unexpected(): CodedError {
  return new CodedError('InternalError', 'cannot read the answer: because it is not of the kind that was asked for')
}
