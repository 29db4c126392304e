/** The frame of every controller: which changes concern which key, and one function that makes the world of a key right. */
import type { Clock } from '../../kit/clock.ts'
import { hasCode, messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { WorkQueue } from '../../kit/work-queue.ts'
import type { Cache, Change } from '../store/cache.ts'

/** Puts a key in line, now or after a while. */
export type Enqueue = (key: string, delayMs?: number) => void

export interface Controller {
  name: string
  /** How many keys are worked on at a time; writes that are under way together share one fsync. Default 16. */
  concurrency?: number
  /**
   * The keys that a change concerns. Called in the order of the changes and, at the start, for everything there is: so
   * nothing that happened while no master ran is missed, and a controller may keep an index of its own here.
   */
  keysOf(change: Change): Iterable<string>
  /** Reasons to look again other than changes of objects. The returned function ends it. */
  listen?(enqueue: Enqueue): () => void
  /**
   * Looks at what is, and moves it towards what should be. Level-triggered: a key says where to look, never what happened.
   * Resolves to the milliseconds after which to look again, if time alone can change the answer.
   */
  reconcile(key: string): Promise<number | undefined>
}

export interface RunnerParts {
  cache: Cache
  clock: Clock
  log: Log
}

/** Gives one controller its queue, from `start` to `stop`. */
export class ControllerRunner {
  readonly name: string
  #controller: Controller
  #cache: Cache
  #queue: WorkQueue
  #endings: Array<() => void> = []

  constructor(controller: Controller, { cache, clock, log }: RunnerParts) {
    this.name = `controller ${controller.name}`
    this.#controller = controller
    this.#cache = cache
    this.#queue = new WorkQueue({
      work: key => this.#work(key),
      clock,
      concurrency: controller.concurrency ?? 16,
      onError: (key, error, retryMs) => report(log, { controller: controller.name, key, error, retryMs }),
    })
  }

  start(): void {
    const enqueue: Enqueue = (key, delayMs) =>
      delayMs === undefined ? this.#queue.add(key) : this.#queue.addAfter(key, delayMs)
    const unlisten = this.#controller.listen?.(enqueue)
    if (unlisten) this.#endings.push(unlisten)
    const unwatch = this.#cache.onChange(change => {
      for (const key of this.#controller.keysOf(change)) this.#queue.add(key)
    })
    this.#endings.push(unwatch)
  }

  async stop(): Promise<void> {
    for (const end of this.#endings.splice(0).reverse()) end()
    await this.#queue.stop()
  }

  /** Resolves when there is nothing to do now; keys that wait for their time do not count. */
  idle(): Promise<void> {
    return this.#queue.idle()
  }

  async #work(key: string): Promise<void> {
    const againMs = await this.#controller.reconcile(key)
    if (againMs !== undefined) this.#queue.addAfter(key, againMs)
  }
}

/** Losing a race against another writer is everyday life: the key comes again, and sees what the other wrote. */
function report(log: Log, failure: { controller: string; key: string; error: unknown; retryMs: number }): void {
  const { error, ...fields } = failure
  const isRace = hasCode(error, 'Conflict', 'AlreadyExists', 'NotFound')
  const level = isRace ? 'debug' : 'warn'
  log[level]('cannot reconcile, trying again', { ...fields, ...(isRace ? { why: messageOf(error) } : { error }) })
}
