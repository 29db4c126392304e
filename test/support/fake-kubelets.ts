/** Boards for simulations: pods that are bound start after a while, pods that are to end end; a board that is cut does nothing. */
import { setCondition } from '../../contract/resources/conditions.ts'
import type { Condition } from '../../contract/resources/meta.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { isPodReady } from '../../contract/resources/pods.ts'
import { type Clock, timestamp } from '../../kit/clock.ts'
import type { Random } from '../../kit/random.ts'
import { podKind } from '../../master/controllers/kinds.ts'
import type { Cache } from '../../master/store/cache.ts'
import type { NodeHealth } from '../../master/store/node-health.ts'
import type { Objects } from '../../master/store/objects.ts'

type Handler = (node: string, reachable: boolean, why: string) => void

/** Also the NodeHealth of the simulation: a board that is cut is unreachable at once. */
export class FakeKubelets implements NodeHealth {
  #objects: Objects
  #clock: Clock
  #random: Random
  #cache: Cache | undefined
  #reachable = new Map<string, boolean>()
  #handlers = new Set<Handler>()
  #underWay = new Set<string>()
  #addresses = 0
  /** Pods that never become ready: by image. */
  readonly brokenImages = new Set<string>()

  constructor(parts: { objects: Objects; clock: Clock; random: Random }) {
    this.#objects = parts.objects
    this.#clock = parts.clock
    this.#random = parts.random
  }

  /** Follows the cache of the master that runs now. */
  follow(cache: Cache): void {
    this.#cache = cache
    cache.onChange(({ kind, type, object }) => {
      if (kind === podKind && type === 'put') this.#look(object as unknown as Pod)
    })
  }

  isReachable(node: string): boolean {
    return this.#reachable.get(node) ?? false
  }

  onChange(handler: Handler): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  setReachable(node: string, reachable: boolean): void {
    this.#reachable.set(node, reachable)
    for (const handler of [...this.#handlers]) handler(node, reachable, reachable ? 'heard' : 'Silent for 3 s.')
    if (reachable) for (const pod of this.#cache?.podsOnNode(node) ?? []) this.#look(pod)
  }

  #look(pod: Pod): void {
    const { uid = '', deletionTimestamp, namespace, name } = pod.metadata
    const { nodeName } = pod.spec
    if (nodeName === undefined || !this.isReachable(nodeName)) return
    const isBroken = this.brokenImages.has(pod.spec.containers[0]?.image ?? '')
    if (deletionTimestamp === undefined && (isPodReady(pod) || isBroken)) return
    const work = `${uid} ${deletionTimestamp === undefined ? 'start' : 'end'}`
    if (this.#underWay.has(work)) return
    this.#underWay.add(work)
    this.#clock.after(20 + this.#random.number() * 400, () => {
      this.#underWay.delete(work)
      if (!this.isReachable(nodeName)) return
      // Not awaited, as on a real board: the simulation waits for the store to come to rest.
      void this.#act({ namespace: namespace ?? '', name, uid })
    })
  }

  async #act({ namespace, name, uid }: { namespace: string; name: string; uid: string }): Promise<void> {
    const current = await this.#objects.get<Pod>(podKind, namespace, name)
    if (current?.metadata.uid !== uid) return
    if (current.metadata.deletionTimestamp !== undefined) return this.#objects.remove(current, { anyVersion: true })
    await this.#objects.update<Pod>({ kind: podKind, namespace, name }, pod => this.#running(pod), { durable: false })
  }

  #running(pod: Pod): Pod {
    const ready: Condition = { type: 'Ready', status: 'True' }
    const address = pod.status?.podIP ?? `10.244.${Math.floor(++this.#addresses / 250)}.${this.#addresses % 250}`
    const conditions = setCondition(pod.status?.conditions, ready, timestamp(this.#clock))
    return { ...pod, status: { ...pod.status, phase: 'Running', podIP: address, conditions } }
  }
}
