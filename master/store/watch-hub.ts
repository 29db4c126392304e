/** Hands each commit's events to those who watch; a watcher that falls too far behind is told to list anew. */
import { CodedError } from '../../kit/errors.ts'
import type { StoreEvent, Watch } from './store.ts'

export interface WatchRequest {
  prefix: string
  /** Only later revisions are of interest. */
  from: number
  /** Events between `from` and now, read when the iteration begins; each array is one commit. */
  replay?: () => AsyncIterable<StoreEvent[]>
}

export class WatchHub {
  #backlog: number
  #watchers = new Set<Watcher>()

  /** `backlog`: how many events wait for one watcher at most. */
  constructor(backlog: number) {
    this.#backlog = backlog
  }

  open(request: WatchRequest): Watch {
    const watcher = new Watcher(request, this.#backlog, () => this.#watchers.delete(watcher))
    this.#watchers.add(watcher)
    return watcher
  }

  /** `events` are those of one commit. */
  publish(events: StoreEvent[]): void {
    for (const watcher of [...this.#watchers]) watcher.push(events)
  }

  close(): void {
    for (const watcher of [...this.#watchers]) watcher.close()
  }
}

export function expired(prefix: string, from: number, why: string): CodedError {
  return new CodedError('Expired', `cannot watch '${prefix}' from ${from}: because ${why}; list anew`)
}

class Watcher implements Watch {
  #request: WatchRequest
  #limit: number
  #onEnd: () => void
  #buffer: StoreEvent[] = []
  #wake: () => void = () => undefined
  #failure: CodedError | undefined
  #closed = false

  constructor(request: WatchRequest, limit: number, onEnd: () => void) {
    this.#request = request
    this.#limit = limit
    this.#onEnd = onEnd
  }

  push(events: StoreEvent[]): void {
    const { prefix, from } = this.#request
    const wanted = selectEvents(events, prefix).filter(event => event.revision > from)
    if (wanted.length === 0) return
    if (this.#buffer.length + wanted.length > this.#limit) {
      this.#failure = expired(prefix, from, `the watcher fell more than ${this.#limit} events behind`)
      this.#buffer = []
      this.#onEnd()
    } else {
      this.#buffer.push(...wanted)
    }
    this.#wake()
  }

  close(): void {
    this.#closed = true
    this.#buffer = []
    this.#onEnd()
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StoreEvent> {
    try {
      yield* this.#past()
      while (!this.#closed) {
        const events = this.#buffer
        this.#buffer = []
        yield* this.#each(events)
        if (this.#failure) throw this.#failure
        if (this.#buffer.length === 0 && !this.#closed) await new Promise<void>(resolve => (this.#wake = resolve))
      }
    } finally {
      this.close()
    }
  }

  async *#past(): AsyncGenerator<StoreEvent> {
    try {
      for await (const events of this.#request.replay?.() ?? []) {
        yield* this.#each(selectEvents(events, this.#request.prefix))
        if (this.#closed) return
      }
    } catch (error) {
      // A store that is closed ends its watches, also those that were reading from it.
      if (!this.#closed) throw error
    }
  }

  *#each(events: StoreEvent[]): Generator<StoreEvent> {
    for (const event of events) {
      if (this.#closed) return
      yield event
    }
  }
}

/** The events under `prefix`, all but the last one marked as to be continued. */
function selectEvents(events: StoreEvent[], prefix: string): StoreEvent[] {
  const selected = events.filter(event => event.key.startsWith(prefix))
  return selected.map((event, index) => (index < selected.length - 1 ? { ...event, more: true } : event))
}
