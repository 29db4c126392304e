/** The frames of a watch: what there is, then each change, seen through the request's selectors. */
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { WatchFrame } from '../../contract/wire/api.ts'
import { errorToWire } from '../../kit/bus/wire-error.ts'
import type { Clock } from '../../kit/clock.ts'
import { kindPrefix, objectKey } from '../store/keys.ts'
import { objectFromEntry } from '../store/objects.ts'
import type { Store, StoreEvent, Watch } from '../store/store.ts'
import type { Matcher } from './matcher.ts'
import type { Place } from './target.ts'

/** So often a quiet watch is told how far it has come, so that it can resume after the store was compacted. */
const bookmarkMs = 60_000
const batchSize = 200

export interface WatchOptions {
  store: Store
  clock: Clock
  place: Place
  /** Of the one object to watch, or of those in all namespaces; undefined for all of the place. */
  name: string | undefined
  matches: Matcher | undefined
  /** Undefined: send what there is first. */
  fromRevision: number | undefined
  signal: AbortSignal
}

/** Ends when `signal` aborts. A failure is the last frame, never thrown: the reader is on another machine. */
export async function* watchFrames(options: WatchOptions): AsyncGenerator<WatchFrame> {
  try {
    const fromRevision = options.fromRevision ?? (yield* presentFrames(options))
    yield* changeFrames(options, fromRevision)
  } catch (error) {
    yield { type: 'ERROR', error: errorToWire(error) }
  }
}

/** An ADDED frame for each object there is; returns the revision to go on from. */
async function* presentFrames(options: WatchOptions): AsyncGenerator<WatchFrame, number> {
  const { store, matches, signal } = options
  const { prefix, covers } = scopeOf(options)
  let revision: number | undefined
  let after: string | undefined
  do {
    const page = await store.list(prefix, {
      limit: batchSize,
      ...(after !== undefined && { after }),
    })
    revision ??= page.revision
    for (const entry of page.entries) {
      if (signal.aborted) return revision
      // A later page shows later changes; those come again from the watch.
      if (!covers(entry.key)) continue
      const object = objectFromEntry<AnyObject>({ value: entry.value as AnyObject, revision: entry.revision })
      if (!matches || matches(object)) yield { type: 'ADDED', object }
    }
    after = page.next
  } while (after !== undefined)
  return revision
}

async function* changeFrames(options: WatchOptions, fromRevision: number): AsyncGenerator<WatchFrame> {
  const { store, matches, signal } = options
  const { prefix, covers } = scopeOf(options)
  const opened = store.revision
  const watch = store.watch(prefix, fromRevision)
  const close = (): void => watch.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    if (signal.aborted) return
    // From here on nothing is missed: who was told what there is may now rely on it.
    if (options.fromRevision === undefined) yield bookmark(fromRevision)
    for await (const turn of withBookmarks(watch, options)) {
      if (typeof turn === 'number') yield bookmark(turn)
      else if (covers(turn.key)) {
        const frame = frameOf(turn, matches, opened)
        if (frame) yield frame
      }
    }
  } finally {
    signal.removeEventListener('abort', close)
    close()
  }
}

/** Which keys to look at. One object's key may be how others' begin. */
function scopeOf({ place, name }: WatchOptions): { prefix: string; covers: (key: string) => boolean } {
  const all = kindPrefix(place.kind, place.namespace)
  if (name === undefined) return { prefix: all, covers: () => true }
  if (place.kind.namespaced && place.namespace === undefined)
    return { prefix: all, covers: key => key.endsWith(`/${name}`) }
  const prefix = objectKey(place.kind, place.namespace, name)
  return { prefix, covers: key => key === prefix }
}

/** The watch's events, and a revision whenever none came for a while. */
async function* withBookmarks(watch: Watch, { clock, store }: WatchOptions): AsyncGenerator<StoreEvent | number> {
  const events = watch[Symbol.asyncIterator]()
  let next = events.next()
  for (;;) {
    // Taken before the quiet time: whatever was committed up to then would have arrived during it.
    const seen = store.revision
    const quiet = Promise.withResolvers<'quiet'>()
    const cancel = clock.after(bookmarkMs, () => quiet.resolve('quiet'))
    const turn = await Promise.race([next, quiet.promise]).finally(cancel)
    if (turn === 'quiet') {
      yield seen
      continue
    }
    if (turn.done) return
    next = events.next()
    yield turn.value
  }
}

function bookmark(revision: number): WatchFrame {
  return { type: 'BOOKMARK', resourceVersion: String(revision) }
}

/**
 * Pure. An object that leaves the selector is DELETED for this reader, one that comes under it is ADDED. Of changes before
 * `opened` the store no longer knows what was there before: then DELETED is said in any case, which harms no one who never
 * had the object.
 */
function frameOf(event: StoreEvent, matches: Matcher | undefined, opened: number): WatchFrame | undefined {
  const { revision } = event
  const before = event.previous === undefined ? undefined : serve(event.previous, revision)
  const matched = before !== undefined && (!matches || matches(before))
  if (event.type === 'delete') return matched && before ? { type: 'DELETED', object: before } : undefined
  const object = serve(event.value, revision)
  if (!matches || matches(object)) return { type: matched ? 'MODIFIED' : 'ADDED', object }
  const unknown = before === undefined && revision <= opened
  return matched || unknown ? { type: 'DELETED', object: before ?? object } : undefined
}

function serve(value: unknown, revision: number): AnyObject {
  return objectFromEntry<AnyObject>({ value: value as AnyObject, revision })
}
