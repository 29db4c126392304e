/** Makes the board run the pods of its wish: observe, plan, do, until no step is left. One worker per pod at a time. */
import type { PodReport, PodWish } from '../../contract/wire/fleet.ts'
import type { Clock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { Loop } from '../../kit/loop.ts'
import { WorkQueue } from '../../kit/work-queue.ts'
import type { ObservedPod } from '../runtime/runtime.ts'
import { runStep } from './execute.ts'
import type { Executor } from './executor.ts'
import { Observer } from './observer.ts'
import { isFinished, planPod } from './plan-pod.ts'
import { listPodFiles, removePodFiles } from './pod-files.ts'
import { PodRecord } from './pod-record.ts'
import { renderPodStatus } from './pod-status.ts'
import type { Step } from './steps.ts'
import { Turns } from './turns.ts'

export interface ReconcilerParts {
  executor: Executor
  clock: Clock
  log: Log
  hostIP: () => string | undefined
  /** Called with each pod's state, whether it changed or not. */
  onReport: (uid: string, report: PodReport) => void
}

/** More than a board has pods: one that takes its time to stop, or waits for an image, keeps no other waiting. */
const podConcurrency = 128
/** Many pods start at once after a boot; a small board bears so many at a time. */
const startConcurrency = 4
const pullConcurrency = 3
/** Exits come as events; this catches what an event stream may have lost. */
const relistMs = 15_000
/** The event of an exit comes before containerd's own listing shows it: how soon after it the listing is read. */
const afterExitMs = [10, 100, 1000]

export class Reconciler {
  #parts: ReconcilerParts
  #observer: Observer
  #queue: WorkQueue
  #relist: Loop
  #unwatch: (() => void) | undefined
  /** By uid. Undefined until the first wish is known: until then nothing may be taken for unwanted. */
  #wish: ReadonlyMap<string, PodWish> | undefined
  #records = new Map<string, PodRecord>()
  #turns = { start: new Turns(startConcurrency), pull: new Turns(pullConcurrency) }

  constructor(parts: ReconcilerParts) {
    const { clock, log } = parts
    this.#parts = parts
    this.#observer = new Observer(parts.executor.runtime)
    this.#queue = new WorkQueue({
      work: uid => this.#reconcile(uid),
      clock,
      concurrency: podConcurrency,
      backoff: { minMs: 200, maxMs: 30_000, jitter: 0.2 },
      onError: (uid, error, retryMs) =>
        log.warn('pod step failed', { pod: this.#nameOf(uid), error: messageOf(error), retryMs: Math.round(retryMs) }),
    })
    this.#relist = new Loop({
      clock,
      intervalMs: relistMs,
      run: () => this.#enqueueAll(),
      onError: error => log.warn('cannot list pods', { error: messageOf(error) }),
    })
  }

  start(): void {
    this.#relist.start()
    this.#unwatch = this.#parts.executor.runtime.watchExits(() => this.#lookSoon())
  }

  async stop(): Promise<void> {
    this.#unwatch?.()
    await this.#relist.stop()
    await this.#queue.stop()
  }

  /** Takes the whole wish, by uid; may be called as often as it likes. */
  setWish(pods: ReadonlyMap<string, PodWish>): void {
    this.#wish = pods
    for (const record of this.#records.values()) record.retryConfig()
    this.#relist.poke()
  }

  /** Puts what failed back in line at once, since what it waited for (a network, an address) may have come. */
  retryFailed(): void {
    for (const [uid, record] of this.#records) {
      if (record.failures.size === 0 && record.sandboxFailure === undefined) continue
      for (const failure of record.failures.values()) failure.retryAtMs = 0
      this.#queue.add(uid)
    }
  }

  /** Something that a pod is made of has come, such as its token. */
  look(uid: string): void {
    if (this.#wish?.has(uid)) this.#queue.add(uid)
  }

  #lookSoon(): void {
    for (const delayMs of afterExitMs) this.#parts.clock.after(delayMs, () => this.#relist.poke())
  }

  async #enqueueAll(): Promise<void> {
    if (!this.#wish) return
    const observed = await this.#observer.observe()
    // An agent before this one may have ended between the last container of a pod and its files.
    const leftovers = await listPodFiles(this.#parts.executor)
    for (const uid of new Set([...this.#wish.keys(), ...observed.keys(), ...leftovers])) this.#queue.add(uid)
  }

  async #reconcile(uid: string): Promise<void> {
    const wish = this.#wish?.get(uid)
    const observed = (await this.#observer.observe()).get(uid) ?? []
    if (!wish && observed.length === 0) return this.#forget(uid)
    const record = this.#recordOf(uid)
    record.remember(observed)
    this.#report(uid, { wish, observed, record })
    const { clock, executor } = this.#parts
    const plan = planPod({ wish, observed, record, nowMs: clock.now(), monotonicMs: clock.monotonic() })
    if (plan.againInMs !== undefined) this.#queue.addAfter(uid, plan.againInMs)
    if (plan.steps.length === 0) return this.#renewVolumes(wish, observed)
    if (plan.steps.some(isGone)) return this.#finish(uid, wish)
    const results = await Promise.allSettled(
      plan.steps.map(step => runStep(step, { wish, observed, record, executor, turns: this.#turns })),
    )
    const failed = results.find(result => result.status === 'rejected')
    if (failed) throw failed.reason
    this.#queue.add(uid)
  }

  /** What its files are made of may have changed; what of them cannot be written now is written at the next look. */
  async #renewVolumes(wish: PodWish | undefined, observed: readonly ObservedPod[]): Promise<void> {
    const { volumes } = this.#parts.executor
    // Nobody reads them any more, and no token of it must stay good.
    if (wish && isFinished(wish, observed)) return volumes.remove(wish.metadata.uid ?? '')
    const runs = observed.some(({ containers }) => containers.some(({ state }) => state === 'running'))
    if (!wish || !runs) return
    try {
      await volumes.renew(wish)
    } catch (error) {
      this.#parts.log.warn('cannot renew the volumes of a pod', { pod: wish.metadata.name, error: messageOf(error) })
    }
  }

  /** No trace left in the runtime of a pod that is to go: remove our own files, then say so. */
  async #finish(uid: string, wish: PodWish | undefined): Promise<void> {
    this.#records.delete(uid)
    if (!wish) return
    const { namespace = 'default', name } = wish.metadata
    await removePodFiles(this.#parts.executor, uid)
    this.#parts.onReport(uid, { namespace, name, gone: true })
  }

  /** The same for a pod that left the wish before it left the board. */
  async #forget(uid: string): Promise<void> {
    this.#records.delete(uid)
    await removePodFiles(this.#parts.executor, uid)
  }

  #report(uid: string, view: { wish: PodWish | undefined; observed: readonly ObservedPod[]; record: PodRecord }): void {
    const { wish } = view
    if (!wish) return
    const status = renderPodStatus({ ...view, wish, hostIP: this.#parts.hostIP() })
    this.#parts.onReport(uid, { namespace: wish.metadata.namespace ?? 'default', name: wish.metadata.name, status })
  }

  #recordOf(uid: string): PodRecord {
    const known = this.#records.get(uid)
    if (known) return known
    const record = new PodRecord()
    this.#records.set(uid, record)
    return record
  }

  #nameOf(uid: string): string {
    const wish = this.#wish?.get(uid)
    return wish ? `${wish.metadata.namespace}/${wish.metadata.name}` : uid
  }
}

function isGone(step: Step): boolean {
  return step.type === 'reportGone'
}
