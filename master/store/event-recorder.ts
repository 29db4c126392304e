/** Keeps Events as Kubernetes does: what happened to whom, with repeats counted, old ones removed, and no flood of them. */
import type { Event, ObjectReference } from '../../contract/resources/core.ts'
import { findKind } from '../../contract/resources/kinds.ts'
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import { type Clock, timestamp } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import type { Objects } from './objects.ts'
import { RateLimit } from './rate-limit.ts'

export interface Happening {
  type: 'Normal' | 'Warning'
  reason: string
  message: string
  component?: string
  host?: string
}

interface Entry {
  name: string
  namespace: string
  about: ObjectReference
  happening: Happening
  firstTimestamp: string
  lastTimestamp: string
  lastMs: number
  count: number
  written: boolean
}

/** The same again within this time raises the count of the first. */
const repeatWindowMs = 10 * 60_000
const expiryMs = 60 * 60_000
/** Per object and reason, so that one who provokes many hides no others: so many at once, then one in this time. What is above is dropped. */
const burst = 25
const refillMs = 30_000
/** Happenings that are remembered for counting, and Events that are kept: the oldest give way. */
const maxRemembered = 2000
const maxKept = 5000
/** Kubernetes' own limit of an Event's message. */
const maxMessageLength = 1024
const eventKind = findKind('v1', 'Event')!

export class EventRecorder {
  #objects: Objects
  #clock: Clock
  #log: Log
  #rate: RateLimit
  #entries = new Map<string, Entry>()
  #dirty = new Set<Entry>()
  #writing: Promise<void> | undefined
  #serial = 0

  constructor(parts: { objects: Objects; clock: Clock; log: Log }) {
    this.#objects = parts.objects
    this.#clock = parts.clock
    this.#log = parts.log
    this.#rate = new RateLimit({ clock: parts.clock, burst, refillMs, maxKeys: maxRemembered })
  }

  /** Never throws, and is written soon: nobody's work depends on an Event. */
  record(about: KubernetesObject | ObjectReference, happening: Happening): void {
    const reference = referenceTo(about)
    const allowed = this.#rate.take(`${reference.kind}/${reference.namespace}/${reference.name}/${happening.reason}`)
    if (!allowed || this.#dirty.size >= maxRemembered) return
    this.#dirty.add(this.#remember(reference, { ...happening, message: happening.message.slice(0, maxMessageLength) }))
    this.#writing ??= this.#write()
  }

  /** Resolves when all that was recorded is in the store. */
  async settle(): Promise<void> {
    while (this.#writing) await this.#writing
  }

  /** Removes Events that are over an hour old, and the oldest of too many. The wiring calls it every minute or so. */
  async sweep(): Promise<void> {
    const events = await this.#objects.list<Event>(eventKind)
    const oldestFirst = events.map(event => ({ event, atMs: lastSeenMs(event) })).sort((a, b) => a.atMs - b.atMs)
    const expiredBefore = this.#clock.now() - expiryMs
    const excess = oldestFirst.length - maxKept
    for (const [index, { event, atMs }] of oldestFirst.entries()) {
      if (atMs >= expiredBefore && index >= excess) break
      await this.#objects.remove(event, { durable: false, anyVersion: true })
    }
  }

  #remember(about: ObjectReference, happening: Happening): Entry {
    const key = JSON.stringify([about, happening.type, happening.reason, happening.message, happening.component])
    const known = this.#entries.get(key)
    const nowMs = this.#clock.now()
    const lastTimestamp = timestamp(this.#clock)
    // Put at the end again: the first of the map is the one that has rested longest.
    this.#entries.delete(key)
    const entry: Entry =
      known && nowMs - known.lastMs < repeatWindowMs
        ? Object.assign(known, { count: known.count + 1, lastTimestamp, lastMs: nowMs })
        : {
            ...this.#name(about),
            about,
            happening,
            firstTimestamp: lastTimestamp,
            lastTimestamp,
            lastMs: nowMs,
            count: 1,
            written: false,
          }
    this.#entries.set(key, entry)
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > maxRemembered && oldest !== undefined) this.#entries.delete(oldest)
    return entry
  }

  /** As Kubernetes names them: the object's name, a dot, and hexadecimal time. */
  #name(about: ObjectReference): { name: string; namespace: string } {
    const serial = (this.#serial++ % 0x10000).toString(16).padStart(4, '0')
    const name = `${about.name.slice(0, 220)}.${this.#clock.now().toString(16)}${serial}`
    return { name, namespace: about.namespace ?? 'default' }
  }

  async #write(): Promise<void> {
    for (const entry of this.#dirty) {
      this.#dirty.delete(entry)
      try {
        await this.#writeOne(entry)
      } catch (error) {
        this.#log.warn('cannot keep an event', { error, reason: entry.happening.reason, name: entry.about.name })
      }
    }
    this.#writing = undefined
  }

  async #writeOne(entry: Entry): Promise<void> {
    const { name, namespace, count, lastTimestamp } = entry
    const ref = { kind: eventKind, namespace, name }
    const raise = (event: Event): Event => ({ ...event, count, lastTimestamp })
    // One that was deleted meanwhile is written anew.
    if (entry.written && (await this.#objects.update<Event>(ref, raise, { durable: false }))) return
    await this.#objects.create(eventOf(entry), { durable: false })
    entry.written = true
  }
}

function eventOf({ name, namespace, about, happening, firstTimestamp, lastTimestamp, count }: Entry): Event {
  const { component, host, ...what } = happening
  const source = { ...(component !== undefined && { component }), ...(host !== undefined && { host }) }
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: about,
    ...what,
    count,
    firstTimestamp,
    lastTimestamp,
    source,
  }
}

function referenceTo(about: KubernetesObject | ObjectReference): ObjectReference {
  if (!('metadata' in about)) return about
  const { name, namespace, uid } = about.metadata
  const place = { ...(namespace !== undefined && { namespace }), name, ...(uid !== undefined && { uid }) }
  return { apiVersion: about.apiVersion, kind: about.kind, ...place }
}

/** One without a time that can be read counts as old. */
function lastSeenMs(event: Event): number {
  return Date.parse(event.lastTimestamp ?? event.metadata.creationTimestamp ?? '') || 0
}
