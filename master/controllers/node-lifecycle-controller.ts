/**
 * Turns what is known about boards into conditions, taints and evictions: a board that cannot be reached loses its pods to
 * others, and gets the rest of them back when it returns. Also gives each node its pod network.
 */
import { findCondition, setCondition } from '../../contract/resources/conditions.ts'
import { isExpected } from '../../contract/resources/expected-node.ts'
import type { Condition } from '../../contract/resources/meta.ts'
import type { Node, Taint } from '../../contract/resources/node.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { isPodActive, isPodFinished, isPodReady } from '../../contract/resources/pods.ts'
import { timestamp } from '../../kit/clock.ts'
import type { Change } from '../store/cache.ts'
import type { Controller, Enqueue } from './controller.ts'
import { keyOf } from './keys.ts'
import { nodeKind, podKind } from './kinds.ts'
import type { NodeReach } from './node-reach.ts'
import { msToStay, planNode } from './plan-node.ts'
import { allocatePodCIDR } from './pod-cidr.ts'
import type { ControllersParts } from './room.ts'
import { observed, Writer } from './writer.ts'

/** The source of this controller's events. */
const component = 'node-controller'

export class NodeLifecycleController implements Controller {
  readonly name = 'node-lifecycle'
  #parts: ControllersParts & { reach: NodeReach }
  #writer: Writer
  /** Networks given out whose nodes the cache does not show yet, by node. */
  #promised = new Map<string, string>()

  constructor(parts: ControllersParts & { reach: NodeReach }) {
    this.#parts = parts
    this.#writer = new Writer(parts)
  }

  keysOf({ kind, object, previous }: Change): string[] {
    if (kind === nodeKind) return [object.metadata.name]
    if (kind !== podKind) return []
    // A pod that was bound just before its node was lost has to be looked at like the others.
    const [pod, before] = [object as unknown as Pod, previous as unknown as Pod | undefined]
    const { nodeName } = pod.spec
    return nodeName !== undefined && before?.spec.nodeName !== nodeName ? [nodeName] : []
  }

  listen(enqueue: Enqueue): () => void {
    return this.#parts.reach.onChange(enqueue)
  }

  async reconcile(name: string): Promise<number | undefined> {
    const { cache, clock, reach } = this.#parts
    const node = cache.get<Node>(nodeKind, undefined, name)
    if (!node) {
      this.#promised.delete(name)
      return undefined
    }
    // Its board is on its way: it is not lost, has no network yet, and nothing runs on it.
    if (isExpected(node)) return undefined
    const verdict = reach.of(name)
    const planned = planNode(this.#withNetwork(node), verdict, timestamp(clock))
    // Side by side: what happens to the pods need not wait until the taint that explains it is on the disk.
    const [, stayMs] = await Promise.all([
      this.#write(node, planned),
      this.#evict(name, planned.spec.taints ?? []),
      verdict.state === 'lost' ? this.#markPods(name) : undefined,
    ])
    return verdict.state === 'unheard' ? Math.min(verdict.graceLeftMs, stayMs ?? verdict.graceLeftMs) : stayMs
  }

  #withNetwork(node: Node): Node {
    const { name } = node.metadata
    if (node.spec.podCIDR !== undefined) {
      this.#promised.delete(name)
      return node
    }
    const { cache, clusterCIDR } = this.#parts
    const given = cache.list<Node>(nodeKind).flatMap(({ spec }) => spec.podCIDR ?? [])
    const taken = new Set([...given, ...this.#promised.values()])
    const podCIDR = this.#promised.get(name) ?? allocatePodCIDR(clusterCIDR, taken)
    this.#promised.set(name, podCIDR)
    return { ...node, spec: { ...node.spec, podCIDR, podCIDRs: [podCIDR] } }
  }

  async #write(node: Node, planned: Node): Promise<void> {
    if (planned === node) return
    await this.#writer.replace(planned)
    const [before, after] = [node, planned].map(each => findCondition(each.status?.conditions, 'Ready'))
    const wasTainted = (node.spec.taints?.length ?? 0) > (planned.spec.taints?.length ?? 0)
    if (after?.status === 'Unknown' && before?.status !== 'Unknown') {
      this.#recordNode(planned, { type: 'Warning', reason: 'NodeNotReady', message: after.message ?? '' })
    } else if (after?.status === 'True' && wasTainted) {
      const message = `Node ${planned.metadata.name} is ready`
      this.#recordNode(planned, { type: 'Normal', reason: 'NodeReady', message })
    }
  }

  #recordNode(node: Node, event: { type: 'Normal' | 'Warning'; reason: string; message: string }): void {
    this.#parts.events.record(node, { component, ...event })
    this.#parts.log.info(event.message, { node: node.metadata.name, reason: event.reason })
  }

  /** Sends away the pods that do not tolerate the taints. Resolves to the ms until the next one's time is up. */
  async #evict(node: string, taints: readonly Taint[]): Promise<number | undefined> {
    const nowMs = this.#parts.clock.now()
    const active = this.#parts.cache.podsOnNode(node).filter(isPodActive)
    const stays = active.map(pod => ({ pod, stayMs: msToStay(pod.spec.tolerations, taints, nowMs) }))
    await Promise.all(stays.filter(({ stayMs }) => stayMs <= 0).map(({ pod }) => this.#evictPod(pod)))
    const next = Math.min(...stays.map(({ stayMs }) => stayMs).filter(ms => ms > 0))
    return Number.isFinite(next) ? next : undefined
  }

  async #evictPod(pod: Pod): Promise<void> {
    await this.#writer.delete(pod)
    const message = `Marking for deletion Pod ${keyOf(pod)}`
    this.#parts.events.record(pod, { component, type: 'Normal', reason: 'TaintManagerEviction', message })
  }

  /** Nobody knows whether these pods still run: none of them may count as ready. */
  async #markPods(node: string): Promise<void> {
    const { cache, clock } = this.#parts
    const ready = cache.podsOnNode(node).filter(pod => isPodReady(pod) && !isPodFinished(pod))
    const condition: Condition = {
      type: 'Ready',
      status: 'False',
      reason: 'NodeUnreachable',
      message: `Node ${node} cannot be reached`,
    }
    const mark = (pod: Pod): Pod => ({
      ...pod,
      status: { ...pod.status, conditions: setCondition(pod.status?.conditions, condition, timestamp(clock)) },
    })
    const write = ({ metadata: { namespace = '', name, uid } }: Pod): Promise<unknown> =>
      this.#writer.update<Pod>(
        { kind: podKind, namespace, name },
        current => (current.metadata.uid === uid && isPodReady(current) ? mark(current) : undefined),
        observed,
      )
    await Promise.all(ready.map(write))
  }
}
