/** Binds pods to nodes: asks the scheduler, writes its answer, and says why when there is none. */
import { findCondition, setCondition } from '../../contract/resources/conditions.ts'
import type { Condition } from '../../contract/resources/meta.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { isPodActive } from '../../contract/resources/pods.ts'
import { type BackoffOptions, backoffMs } from '../../kit/backoff.ts'
import { type Cancel, type Clock, timestamp } from '../../kit/clock.ts'
import { placePod } from '../scheduler/place.ts'
import type { Change } from '../store/cache.ts'
import { sameJson } from '../store/same-json.ts'
import { ClusterModel } from './cluster-model.ts'
import type { Controller, Enqueue } from './controller.ts'
import { keyOf, splitKey } from './keys.ts'
import { podKind } from './kinds.ts'
import type { NodeReach } from './node-reach.ts'
import type { ControllersParts } from './room.ts'
import { observed, Writer } from './writer.ts'

/** The source of this controller's events. */
const component = 'scheduler'

/** How soon a pod that found no node is tried again when something has changed; and without any change (heat, say). */
const retryBackoff: BackoffOptions = { minMs: 20, maxMs: 10_000 }
const unpromptedRetryMs = 30_000
/** Changes within this time count as one. */
const gatherMs = 5

interface Refusal {
  tries: number
  /** Monotonic. */
  notBefore: number
}

export class ScheduleController implements Controller {
  readonly name = 'schedule'
  /** Decisions are made one after the other in any case; only their writes run side by side. */
  readonly concurrency = 64
  #parts: ControllersParts & { reach: NodeReach }
  #writer: Writer
  #model: ClusterModel
  #refusals = new Map<string, Refusal>()
  #enqueue: Enqueue = () => undefined
  #cancelRetry: Cancel | undefined

  constructor(parts: ControllersParts & { reach: NodeReach }) {
    this.#parts = parts
    this.#writer = new Writer(parts)
    this.#model = new ClusterModel(parts)
  }

  keysOf(change: Change): string[] {
    if (this.#model.take(change)) this.#retryRefused()
    if (change.kind !== podKind || !isWaiting(change.object as unknown as Pod)) return []
    // What was written on it about its waiting is no reason to try again.
    return sameJson(change.previous?.spec, change.object.spec) ? [] : [keyOf(change.object)]
  }

  listen(enqueue: Enqueue): () => void {
    this.#enqueue = enqueue
    const unsubscribe = this.#parts.reach.onChange(node => {
      this.#model.refreshNode(node)
      this.#retryRefused()
    })
    return () => {
      unsubscribe()
      this.#cancelRetry?.()
    }
  }

  async reconcile(key: string): Promise<number | undefined> {
    const { namespace, name } = splitKey(key)
    const pod = this.#parts.cache.get<Pod>(podKind, namespace, name)
    if (!pod || !isWaiting(pod)) {
      this.#refusals.delete(key)
      return undefined
    }
    this.#model.refreshUsage()
    const placement = placePod(pod, this.#model.snapshot, this.#parts.random)
    if ('node' in placement) {
      await this.#bind(pod, placement.node)
      this.#refusals.delete(key)
      return undefined
    }
    const tries = (this.#refusals.get(key)?.tries ?? -1) + 1
    const notBefore = this.#parts.clock.monotonic() + backoffMs(tries, retryBackoff)
    this.#refusals.set(key, { tries, notBefore })
    await this.#refuse(pod, placement.summary)
    return unpromptedRetryMs
  }

  /** The next pod sees this one on its node before the store does; a failed write takes it back. */
  async #bind(pod: Pod, node: string): Promise<void> {
    this.#model.snapshot.addPod(pod, node)
    const condition: Condition = { type: 'PodScheduled', status: 'True' }
    try {
      await this.#writer.replace(bound(pod, { node, condition, clock: this.#parts.clock }))
    } catch (error) {
      this.#model.correct(pod)
      throw error
    }
    const message = `Successfully assigned ${keyOf(pod)} to ${node}`
    this.#parts.events.record(pod, { component, type: 'Normal', reason: 'Scheduled', message })
  }

  async #refuse(pod: Pod, summary: string): Promise<void> {
    const present = findCondition(pod.status?.conditions, 'PodScheduled')
    if (present?.status === 'False' && present.message === summary) return
    const condition: Condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: summary }
    await this.#writer.replace(bound(pod, { condition, clock: this.#parts.clock }), observed)
    this.#parts.events.record(pod, { component, type: 'Warning', reason: 'FailedScheduling', message: summary })
  }

  /** Changes that come together lead to one round of tries, and each pod waits out its backoff. */
  #retryRefused(): void {
    if (this.#refusals.size === 0 || this.#cancelRetry) return
    const { clock } = this.#parts
    this.#cancelRetry = clock.after(gatherMs, () => {
      this.#cancelRetry = undefined
      const now = clock.monotonic()
      for (const [key, { notBefore }] of this.#refusals) this.#enqueue(key, Math.max(0, notBefore - now))
    })
  }
}

function isWaiting(pod: Pod): boolean {
  return pod.spec.nodeName === undefined && isPodActive(pod)
}

function bound(pod: Pod, { node, condition, clock }: { node?: string; condition: Condition; clock: Clock }): Pod {
  const conditions = setCondition(pod.status?.conditions, condition, timestamp(clock))
  return {
    ...pod,
    spec: { ...pod.spec, ...(node !== undefined && { nodeName: node }) },
    status: { phase: 'Pending', ...pod.status, conditions },
  }
}
