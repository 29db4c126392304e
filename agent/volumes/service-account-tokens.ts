/** The tokens of the pods on this board: asked of the master, kept in memory, asked for anew in time. One timer for all of them. */
import { backoffMs } from '../../kit/backoff.ts'
import { type Cancel, type Clock, sleep } from '../../kit/clock.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Random } from '../../kit/random.ts'

/** Whose token, for which of this board's pods. */
export interface TokenWant {
  namespace: string
  serviceAccount: string
  audience: string | undefined
  expirationSeconds: number
  pod: { name: string; uid: string }
}

export interface TokenParts {
  ask: (want: TokenWant, signal: AbortSignal) => Promise<{ token: string }>
  clock: Clock
  random: Random
  log: Log
  /** The pod has a new token, or its first one. */
  onToken: (uid: string) => void
  /** The pod starts without the token, and why. */
  onMissing: (want: TokenWant, reason: string) => void
}

interface Entry {
  want: TokenWant
  token: string | undefined
  /** Monotonic milliseconds. */
  dueMs: number
  failures: number
  reason: string
  /** Somebody has waited for the first one as long as one waits. */
  waited: boolean
  asking: Promise<void> | undefined
}

/** A pod's start waits no longer for a master that does not answer. */
const firstWaitMs = 2000
const askTimeoutMs = 10_000
/** Of its life; a token's last fifth is for a master that is away. */
const renewShare = 0.8
/** Tokens that were issued together are not all asked for again at once. */
const renewJitter = 0.1
/** Clients read the file again within minutes: a token that lives shorter would run out in their hands. */
const minLifeMs = 60_000
const retry = { minMs: 1000, maxMs: 60_000, jitter: 0.5 }
const retrySpreadMs = 1000
/** More than a board has pods, each with a few audiences. */
const maxTokens = 1000
/** Renewed at once: after a long absence of the master all of them are due. */
const maxAsking = 4
const silence = 'the master does not answer'

export class ServiceAccountTokens {
  #parts: TokenParts
  #entries = new Map<string, Entry>()
  #timer: Cancel | undefined
  #stopped = new AbortController()

  constructor(parts: TokenParts) {
    this.#parts = parts
  }

  /**
   * The token, as it is now or as soon as the master gives it; undefined when that takes too long: then `onToken` tells.
   * `held` is what the pod has already from an agent before this one: of unknown age, it serves until there is a new one.
   */
  async find(want: TokenWant, held?: string): Promise<string | undefined> {
    const entry = this.#entryOf(want)
    if (entry.token === undefined && held !== undefined) {
      entry.token = held
      this.#schedule()
    }
    if (entry.token !== undefined || entry.waited) return entry.token
    await this.#waitFirst(entry)
    entry.waited = true
    if (entry.token === undefined) this.#parts.onMissing(want, entry.reason)
    return entry.token
  }

  /** The master is back: what it could not be asked for is asked for soon, though not by all boards in one moment. */
  retry(): void {
    const { clock, random } = this.#parts
    for (const entry of this.#entries.values()) {
      if (entry.failures > 0) entry.dueMs = Math.min(entry.dueMs, clock.monotonic() + retrySpreadMs * random.number())
    }
    this.#schedule()
  }

  forget(uid: string): void {
    for (const [key, { want }] of this.#entries) if (want.pod.uid === uid) this.#entries.delete(key)
    this.#schedule()
  }

  stop(): void {
    this.#stopped.abort()
    this.#timer?.()
    this.#entries.clear()
  }

  #entryOf(want: TokenWant): Entry {
    const key = JSON.stringify([
      want.pod.uid,
      want.namespace,
      want.serviceAccount,
      want.audience,
      want.expirationSeconds,
    ])
    const known = this.#entries.get(key)
    if (known) return known
    if (this.#entries.size >= maxTokens) {
      throw new CodedError('TooManyRequests', `cannot keep another token: because this board has ${maxTokens} already`)
    }
    const entry: Entry = {
      want,
      token: undefined,
      dueMs: 0,
      failures: 0,
      reason: silence,
      waited: false,
      asking: undefined,
    }
    this.#entries.set(key, entry)
    return entry
  }

  /** Several containers of a pod start at once, and wait for one answer. */
  async #waitFirst(entry: Entry): Promise<void> {
    const enough = new AbortController()
    const limit = sleep(this.#parts.clock, firstWaitMs, enough.signal).catch(() => undefined)
    await Promise.race([this.#ask(entry), limit])
    enough.abort()
  }

  #ask(entry: Entry): Promise<void> {
    entry.asking ??= this.#askOnce(entry).finally(() => {
      entry.asking = undefined
      this.#schedule()
    })
    return entry.asking
  }

  async #askOnce(entry: Entry): Promise<void> {
    const { ask, clock, random, log, onToken } = this.#parts
    const { want } = entry
    const late = new AbortController()
    const cancel = clock.after(askTimeoutMs, () => late.abort(new Error(silence)))
    try {
      const { token } = await ask(want, AbortSignal.any([late.signal, this.#stopped.signal]))
      const lifeMs = lifeOf(token, want)
      entry.token = token
      entry.failures = 0
      entry.dueMs = clock.monotonic() + lifeMs * (renewShare - renewJitter * random.number())
      onToken(want.pod.uid)
    } catch (error) {
      if (this.#stopped.signal.aborted) return
      entry.dueMs = clock.monotonic() + backoffMs(entry.failures, { ...retry, random: () => random.number() })
      entry.failures += 1
      entry.reason = messageOf(error)
      log.debug('cannot get a token', { ...about(want), error: messageOf(error) })
    } finally {
      cancel()
    }
  }

  #schedule(): void {
    this.#timer?.()
    this.#timer = undefined
    const idle = [...this.#entries.values()].filter(({ asking }) => !asking)
    if (idle.length === 0 || this.#stopped.signal.aborted) return
    const dueMs = Math.min(...idle.map(entry => entry.dueMs))
    const waitMs = Math.max(0, dueMs - this.#parts.clock.monotonic())
    this.#timer = this.#parts.clock.after(waitMs, () => this.#askDue())
  }

  #askDue(): void {
    const nowMs = this.#parts.clock.monotonic()
    const entries = [...this.#entries.values()]
    const free = Math.max(0, maxAsking - entries.filter(({ asking }) => asking).length)
    const due = entries.filter(({ asking, dueMs }) => !asking && dueMs <= nowMs)
    // Timers count whole milliseconds, and may be a part of one early.
    if (due.length === 0) return this.#schedule()
    // The end of each asks for the next.
    for (const entry of due.slice(0, free)) void this.#ask(entry)
  }
}

/**
 * Milliseconds between a token's own two times, both by the master's clock: the board's may be wrong. Throws `Invalid` for what
 * is none, or is for somebody else than it was asked for: a token for the cluster must not be shown to another.
 */
function lifeOf(token: string, { audience, expirationSeconds }: TokenWant): number {
  const { iat, exp, aud } = readClaims(token)
  if (audience !== undefined && !(Array.isArray(aud) ? aud.length === 1 && aud[0] === audience : aud === audience)) {
    throw new CodedError('Invalid', 'cannot take the token: because it is not for the audience that was asked for')
  }
  const lifeSeconds = typeof iat === 'number' && typeof exp === 'number' ? exp - iat : expirationSeconds
  return Math.max(minLifeMs, lifeSeconds * 1000)
}

/** Not verified: the master, whom it is from, was. */
function readClaims(token: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
  } catch {
    // The parser's own words would repeat what it has read.
    throw new CodedError('Invalid', 'cannot take the token: because it is none')
  }
}

function about({ namespace, serviceAccount, pod }: TokenWant): Record<string, string> {
  return { pod: `${namespace}/${pod.name}`, serviceAccount }
}
