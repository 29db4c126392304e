/** Writes Kubernetes Events: what happened to whom, repeats counted, bounded in rate and in age. */

import type { Event, ObjectReference } from '../../contract/resources/core.ts'
import { apiVersionOf, findKind, kinds } from '../../contract/resources/kinds.ts'
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import { type Clock, timestamp } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { type Random, systemRandom } from '../../kit/random.ts'
import { kindOf, type Objects } from './objects.ts'

export interface EventRecorderParts {
  objects: Objects
  clock: Clock
  log: Log
  random?: Random
}

export interface Happening {
  type: 'Normal' | 'Warning'
  reason: string
  message: string
  /** Who says so: `scheduler`, `agent` … */
  component: string
  /** The node on which it happened. */
  host?: string
  /** RFC 3339; default now. */
  timestamp?: string
}

/** A repeat within this time raises the count of the event that is there. */
const repeatWindowMs = 10 * 60_000
/** Kubernetes keeps events for an hour. */
const maxAgeMs = 60 * 60_000
/** Per object: so many at once, then one each refill. */
const burst = 25
const refillMs = 10_000
/** Events and objects that are remembered for counting; beyond it the oldest are forgotten. */
const maxRemembered = 2000
/** Events on their way to the store; beyond it new ones are dropped: they must never slow down what they report. */
const maxPending = 500

const eventKind = kindOf({ apiVersion: 'v1', kind: 'Event' })

export class EventRecorder {
  #parts: Required<EventRecorderParts>
  /** By what makes two happenings the same: where the event is, and since when. */
  #recent = new Map<string, { namespace: string; name: string; atMs: number }>()
  #budgets = new Map<string, { tokens: number; atMs: number }>()
  #pending = 0
  #chain: Promise<void> = Promise.resolve()
  #dropped = 0

  constructor(parts: EventRecorderParts) {
    this.#parts = { random: systemRandom, ...parts }
  }

  /** Happenings that were not written, since there were too many. */
  get dropped(): number {
    return this.#dropped
  }

  /** Returns at once; a failure is logged, never thrown: no event is worth the work that it tells of. */
  record(about: KubernetesObject | ObjectReference, happening: Happening): void {
    const reference = referenceOf(about)
    const subject = `${reference.kind}/${reference.namespace ?? ''}/${reference.uid ?? reference.name}`
    if (this.#pending >= maxPending || !this.#take(subject)) {
      this.#dropped += 1
      return
    }
    this.#pending += 1
    this.#chain = this.#chain
      .then(() => this.#write(reference, happening, subject))
      .catch(error => this.#parts.log.warn('cannot write an event', { subject, error: messageOf(error) }))
      .finally(() => {
        this.#pending -= 1
      })
  }

  /** Resolves when all that was recorded so far is written. */
  idle(): Promise<void> {
    return this.#chain
  }

  /** Removes events that are too old; to be called every few minutes. */
  async sweep(): Promise<void> {
    const before = this.#parts.clock.now() - maxAgeMs
    for (const event of await this.#parts.objects.list<Event>(eventKind)) {
      const lastMs = Date.parse(event.lastTimestamp ?? event.metadata.creationTimestamp ?? '')
      if (!(lastMs >= before)) await this.#parts.objects.remove(event, { anyVersion: true, durable: false })
    }
  }

  async #write(about: ObjectReference, happening: Happening, subject: string): Promise<void> {
    const { clock } = this.#parts
    const key = [subject, happening.component, happening.reason, happening.message].join('\0')
    const known = this.#recent.get(key)
    const now = happening.timestamp ?? timestamp(clock)
    if (known && clock.monotonic() - known.atMs < repeatWindowMs && (await this.#repeat(known, now))) return
    const event = await this.#create(about, happening, now)
    const { namespace = 'default', name } = event.metadata
    this.#recent.delete(key)
    this.#recent.set(key, { namespace, name, atMs: clock.monotonic() })
    forgetOldest(this.#recent)
  }

  /** False when the event is gone meanwhile. */
  async #repeat(known: { namespace: string; name: string }, now: string): Promise<boolean> {
    const counted = await this.#parts.objects.update<Event>(
      { kind: eventKind, ...known },
      event => ({ ...event, count: (event.count ?? 1) + 1, lastTimestamp: now }),
      { durable: false },
    )
    return counted !== undefined
  }

  #create(about: ObjectReference, happening: Happening, now: string): Promise<Event> {
    const { type, reason, message, component, host } = happening
    const event: Event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        name: `${about.name}.${this.#parts.random.suffix(16)}`,
        namespace: about.namespace ?? 'default',
      },
      involvedObject: about,
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component, ...(host === undefined ? {} : { host }) },
    }
    return this.#parts.objects.create(event, { durable: false })
  }

  /** A token bucket per object, as Kubernetes' own event spam filter. */
  #take(subject: string): boolean {
    const nowMs = this.#parts.clock.monotonic()
    const { tokens, atMs } = this.#budgets.get(subject) ?? { tokens: burst, atMs: nowMs }
    const refilled = Math.min(burst, tokens + (nowMs - atMs) / refillMs)
    this.#budgets.delete(subject)
    this.#budgets.set(subject, { tokens: refilled >= 1 ? refilled - 1 : refilled, atMs: nowMs })
    forgetOldest(this.#budgets)
    return refilled >= 1
  }
}

function referenceOf(about: KubernetesObject | ObjectReference): ObjectReference {
  if (!('metadata' in about)) return withApiVersion(about)
  const { apiVersion, kind, metadata } = about
  const { namespace, name, uid } = metadata
  return { apiVersion, kind, ...(namespace ? { namespace } : {}), name, ...(uid ? { uid } : {}) }
}

function withApiVersion(reference: ObjectReference): ObjectReference {
  if (reference.apiVersion && findKind(reference.apiVersion, reference.kind)) return reference
  const kind = kinds.find(candidate => candidate.kind === reference.kind)
  return kind ? { ...reference, apiVersion: apiVersionOf(kind) } : reference
}

/** Maps keep the order in which keys were set. */
function forgetOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    if (map.size <= maxRemembered) return
    map.delete(key)
  }
}
