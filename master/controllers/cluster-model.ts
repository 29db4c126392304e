/** Keeps the scheduler's snapshot true to the cache: nodes, pods, who can be reached, and what the boards measure. */
import { findCondition } from '../../contract/resources/conditions.ts'
import type { Node } from '../../contract/resources/node.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { isPodFinished } from '../../contract/resources/pods.ts'
import type { Clock } from '../../kit/clock.ts'
import { ClusterSnapshot } from '../scheduler/snapshot.ts'
import { readLoad } from '../scheduler/usage.ts'
import type { Cache, Change } from '../store/cache.ts'
import type { NodeUsageBoard } from '../store/node-usage.ts'
import { nodeKind, podKind } from './kinds.ts'
import type { NodeReach } from './node-reach.ts'

/** Boards measure every few seconds: looking more often at all of them would show nothing new. */
const usageMaxAgeMs = 1000

export interface ClusterModelParts {
  cache: Cache
  reach: NodeReach
  usage: NodeUsageBoard
  clock: Clock
}

export class ClusterModel {
  readonly snapshot = new ClusterSnapshot()
  #parts: ClusterModelParts
  #usageReadAt = Number.NEGATIVE_INFINITY

  constructor(parts: ClusterModelParts) {
    this.#parts = parts
  }

  /** Takes a change in; true when it may make room for a pod that found none. */
  take({ kind, type, object }: Change): boolean {
    if (kind === nodeKind) {
      if (type === 'put') this.#setNode(object as unknown as Node)
      else this.snapshot.removeNode(object.metadata.name)
      return type === 'put'
    }
    if (kind !== podKind) return false
    const pod = object as unknown as Pod
    const isGone = type === 'delete' || isPodFinished(pod)
    if (isGone) this.snapshot.removePod(pod)
    // A pod that is not bound in the cache may be assumed on a node already: that stays.
    else if (pod.spec.nodeName !== undefined) this.snapshot.addPod(pod, pod.spec.nodeName)
    return isGone && pod.spec.nodeName !== undefined
  }

  /** Takes back a placement that was assumed and could not be written: what the cache says holds. */
  correct(pod: Pod): void {
    const { namespace, name, uid } = pod.metadata
    const current = this.#parts.cache.get<Pod>(podKind, namespace, name)
    const nodeName = current?.metadata.uid === uid ? current?.spec.nodeName : undefined
    if (current && nodeName !== undefined) this.snapshot.addPod(current, nodeName)
    else this.snapshot.removePod(pod)
  }

  /** Looks at one node again after its reach has changed. */
  refreshNode(name: string): void {
    const node = this.#parts.cache.get<Node>(nodeKind, undefined, name)
    if (node) this.#setNode(node)
  }

  refreshUsage(): void {
    const now = this.#parts.clock.monotonic()
    if (now - this.#usageReadAt < usageMaxAgeMs) return
    this.#usageReadAt = now
    for (const node of this.#parts.cache.list<Node>(nodeKind)) this.#readUsage(node)
  }

  #setNode(node: Node): void {
    const isReady = findCondition(node.status?.conditions, 'Ready')?.status === 'True'
    this.snapshot.setNode(node, isReady && !this.#parts.reach.isLost(node.metadata.name))
    this.#readUsage(node)
  }

  #readUsage(node: Node): void {
    const { name } = node.metadata
    this.snapshot.setUsage(name, readLoad(node, this.#parts.usage.get(name)))
  }
}
