/** Writes what a node reports into the store: its own status, its pods' and what happened. A node speaks for its own only. */
import { isExpected } from '../../contract/resources/expected-node.ts'
import type { Node, NodeStatus } from '../../contract/resources/node.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import type { PodReport, Report, ReportedEvent } from '../../contract/wire/fleet.ts'
import { type Clock, timestamp } from '../../kit/clock.ts'
import { CodedError, hasCode } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Cache } from '../store/cache.ts'
import { deleteObject } from '../store/delete-object.ts'
import type { EventRecorder } from '../store/event-recorder.ts'
import type { NodeUsageBoard } from '../store/node-usage.ts'
import type { Objects } from '../store/objects.ts'
import { nodeKind, podKind } from './kinds.ts'
import { mergeNodeStatus, mergePodStatus, newNode } from './merge-report.ts'

export interface ReportWriterParts {
  objects: Objects
  cache: Cache
  events: EventRecorder
  usage: NodeUsageBoard
  clock: Clock
  log: Log
}

/** The source of the events about nodes that this room records, as Kubernetes calls it. */
export const component = 'node-controller'
/** Observed state: the agents can say it again, so it is not worth an fsync (a card wears out). */
const observed = { durable: false }
/** Pods remembered as gone while finalizers hold them; beyond it, the node's next full report says it again. */
const maxHeld = 5000

export class ReportWriter {
  #parts: ReportWriterParts
  /** Uids of pods that their node has ended, and that only finalizers keep. */
  #held = new Set<string>()

  constructor(parts: ReportWriterParts) {
    this.#parts = parts
  }

  /** Until the returned function is called, pods that are gone from their node go when their last finalizer has. */
  start(): () => void {
    return this.#parts.cache.onChange(({ kind, type, object }) => {
      const { uid = '', finalizers = [] } = object.metadata
      if (kind !== podKind || !this.#held.has(uid)) return
      if (type === 'delete') this.#held.delete(uid)
      else if (finalizers.length === 0) {
        const { log } = this.#parts
        this.#end(object as unknown as Pod).catch(error => log.warn('cannot remove a pod', { uid, error }))
      }
    })
  }

  /** Rejects when something could not be written: then what the node said has to be said again. */
  async write(node: string, report: Report): Promise<void> {
    if (report.node) await this.#writeNode(node, report.node)
    else if (!this.#parts.cache.get(nodeKind, undefined, node)) {
      throw new CodedError('NotFound', `cannot take in changes of ${node}: because there is no such node`)
    }
    if (report.usage) this.#parts.usage.set(node, report.usage)
    // Before the pods: an event about a pod that is gone would find no pod any more.
    for (const event of report.events ?? []) this.#recordEvent(node, event)
    const pods = Object.entries(report.pods ?? {})
    await Promise.all(pods.map(([uid, pod]) => this.#writePod(node, uid, pod)))
  }

  async #writeNode(name: string, status: NodeStatus): Promise<void> {
    const { objects, clock, cache } = this.#parts
    const now = timestamp(clock)
    const known = cache.get<Node>(nodeKind, undefined, name)
    // The first report changes more than a status, and nobody could say again what it has changed.
    const how = known && isExpected(known) ? undefined : observed
    const merge = (node: Node): Node => mergeNodeStatus(node, status, now)
    const updated = await objects.update<Node>({ kind: nodeKind, name }, merge, how)
    if (updated && how) return
    if (updated) return this.#tellOfNew(updated)
    try {
      this.#tellOfNew(await objects.create(newNode(name, status, now)))
    } catch (error) {
      if (!hasCode(error, 'AlreadyExists')) throw error
    }
  }

  #tellOfNew(node: Node): void {
    const { name } = node.metadata
    this.#parts.log.info('a new node has joined', { node: name })
    const message = `Node ${name} has joined the cluster`
    this.#parts.events.record(node, { type: 'Normal', reason: 'RegisteredNode', message, component })
  }

  async #writePod(node: string, uid: string, report: PodReport): Promise<void> {
    const { objects, clock } = this.#parts
    const { namespace, name, status, gone } = report
    if (gone) {
      const pod = await objects.get<Pod>(podKind, namespace, name)
      if (pod?.metadata.deletionTimestamp && isOn(node, uid, pod)) await this.#end(pod)
      return
    }
    if (!status) return
    const now = timestamp(clock)
    const merge = (pod: Pod): Pod | undefined => (isOn(node, uid, pod) ? mergePodStatus(pod, status, now) : undefined)
    await objects.update<Pod>({ kind: podKind, namespace, name }, merge, observed)
  }

  /** The node has done its part; what is left to wait for are finalizers. */
  async #end(pod: Pod): Promise<void> {
    const { uid = '' } = pod.metadata
    // Noted before: the last finalizer may go while we look.
    if (this.#held.size < maxHeld) this.#held.add(uid)
    const { objects, clock } = this.#parts
    const { outcome } = await deleteObject(objects, pod, { gracePeriodSeconds: 0, nowMs: clock.now() })
    if (outcome === 'deleted') this.#held.delete(uid)
  }

  /** Stamped with the master's time: a board without a battery may think that it is 1970. */
  #recordEvent(node: string, { pod, type, reason, message }: ReportedEvent): void {
    const what = { type, reason, message, component: 'agent', host: node }
    if (!pod) return this.#parts.events.record({ apiVersion: 'v1', kind: 'Node', name: node }, what)
    const known = this.#parts.cache.get<Pod>(podKind, pod.namespace, pod.name)
    // The last words about a pod may come when its object is gone: nobody would look for them.
    if (known && isOn(node, pod.uid, known)) this.#parts.events.record(known, what)
  }
}

/** A node speaks only for pods that are bound to it, and for those very ones. */
function isOn(node: string, uid: string, pod: Pod): boolean {
  return pod.metadata.uid === uid && pod.spec.nodeName === node
}
