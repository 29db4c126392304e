/** Answers boards on the join topics. They are nobody yet, so all of them together get only so much. */
import type { JoinToken } from '../../contract/resources/trust.ts'
import { type JoinReply, type JoinRequest, maxJoinBytes } from '../../contract/wire/join.ts'
import type { Topics } from '../../contract/wire/topics.ts'
import type { Bus, Unsubscribe } from '../../kit/bus/bus.ts'
import { serveRequests } from '../../kit/bus/serve-requests.ts'
import type { Clock } from '../../kit/clock.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { Loop } from '../../kit/loop.ts'
import type { Objects } from '../store/objects.ts'
import { RateLimit } from '../store/rate-limit.ts'
import type { Authority } from './authority.ts'
import type { BoardJoiner } from './join-board.ts'
import { joinTokenKind } from './kinds.ts'
import type { Nonces } from './nonces.ts'
import { readJoinRequest } from './read-join-request.ts'
import type { BoardRenewal } from './renew-board.ts'

export interface JoinServiceParts {
  bus: Bus
  topics: Topics
  clock: Clock
  log: Log
  authority: Authority
  objects: Objects
  joiner: BoardJoiner
  renewal: BoardRenewal
  nonces: Nonces
  /** URLs of the broker, for boards that have joined. */
  servers: () => string[]
}

const maxInFlight = 32
/** Of all boards together. The broker sees to it that one address alone does not get there. */
const allRequests = { burst: 200, refillMs: 5, maxKeys: 1 }
const sweepMs = 10 * 60_000
/** For a while it is told that a token has run out, and not that it is unknown. */
const keepExpiredMs = 60 * 60_000

export class JoinService {
  #parts: JoinServiceParts
  #rate: RateLimit
  #sweeper: Loop
  #stop: Unsubscribe | undefined

  constructor(parts: JoinServiceParts) {
    this.#parts = parts
    const { clock, log } = parts
    this.#rate = new RateLimit({ clock, ...allRequests })
    const onError = (error: unknown): void => log.warn('cannot sweep join tokens', { reason: messageOf(error) })
    this.#sweeper = new Loop({ clock, intervalMs: sweepMs, run: () => this.sweep(), onError })
  }

  async start(): Promise<void> {
    const { bus, topics, clock, log } = this.#parts
    this.#stop = await serveRequests({
      ...{ bus, clock, log, maxInFlight, maxRequestBytes: maxJoinBytes, topic: topics.joinRequests('+') },
      askerOf: topic => {
        const asker = topics.parseJoin(topic)
        return asker?.leaf === 'requests' ? { replies: topics.joinReplies(asker.client) } : undefined
      },
      handle: body => this.answer(body),
    })
    this.#sweeper.start()
  }

  async stop(): Promise<void> {
    this.#stop?.()
    await this.#sweeper.stop()
  }

  async answer(body: unknown): Promise<JoinReply> {
    if (!this.#rate.take('all')) {
      throw new CodedError('TooManyRequests', 'cannot join: because too many boards ask at once: try again soon')
    }
    const request = readJoinRequest(body)
    if (request.type === 'nonce') return { nonce: this.#parts.nonces.make() }
    const { certificate } = await this.#certify(request)
    const { authority, servers } = this.#parts
    const time = new Date(authority.nowMs()).toISOString()
    return { certificate, ca: authority.certificate, servers: servers(), time }
  }

  /** Removes join tokens that nobody can use any more. */
  async sweep(): Promise<void> {
    const { objects, authority } = this.#parts
    const before = authority.nowMs() - keepExpiredMs
    for (const token of await objects.list<JoinToken>(joinTokenKind)) {
      // One whose time cannot be read is not guessed about: nobody gets in by it either.
      if (Date.parse(token.spec.expirationTimestamp) < before) await objects.remove(token, { anyVersion: true })
    }
  }

  #certify(request: Exclude<JoinRequest, { type: 'nonce' }>): Promise<{ certificate: string }> {
    return request.type === 'join' ? this.#parts.joiner.join(request) : this.#parts.renewal.renew(request)
  }
}
