/**
 * The cluster as the scheduler sees it, kept up to date change by change: nothing is recounted when a pod comes or goes,
 * so the cost of placing a pod does not grow with the number of pods.
 */
import type { Node, Taint } from '../../contract/resources/node.ts'
import { controllerOf } from '../../contract/resources/owners.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { addResources, noResources, type Resources, readAllocatable, readRequests } from './resources.ts'

/** What a board measured of itself. Shares are 0 to 1. */
export interface NodeLoad {
  cpuShare: number
  memoryShare: number
  temperatureCelsius?: number
}

export interface SnapshotNode {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly taints: readonly Taint[]
  readonly unschedulable: boolean
  readonly ready: boolean
  readonly allocatable: Resources
  /** What its pods asked for; `requested.pods` is how many they are. */
  readonly requested: Resources
  /** Pods of each owner (ReplicaSet, Job …) on this node, by the owner's uid. */
  readonly podsByOwner: ReadonlyMap<string, number>
  readonly usage: NodeLoad | undefined
}

/** The half of a node that its pods make. Shared with the SnapshotNode, which is replaced when its object changes. */
interface Tally {
  requested: Resources
  podsByOwner: Map<string, number>
}

interface PlacedPod {
  nodeName: string
  requests: Resources
  owner: string | undefined
}

export class ClusterSnapshot {
  /** In no order: nodes are placed and removed in constant time. */
  readonly #nodes: SnapshotNode[] = []
  readonly #positions = new Map<string, number>()
  readonly #tallies = new Map<string, Tally>()
  readonly #usage = new Map<string, NodeLoad>()
  readonly #pods = new Map<string, PlacedPod>()

  get nodes(): readonly SnapshotNode[] {
    return this.#nodes
  }

  node(name: string): SnapshotNode | undefined {
    const position = this.#positions.get(name)
    return position === undefined ? undefined : this.#nodes[position]
  }

  /** `ready` is the caller's verdict: the node's own condition, and whether it can be reached at all. */
  setNode(node: Node, ready: boolean): void {
    const name = node.metadata.name
    this.#put({
      name,
      labels: node.metadata.labels ?? {},
      taints: node.spec.taints ?? [],
      unschedulable: node.spec.unschedulable === true,
      ready,
      allocatable: readAllocatable(node.status?.allocatable ?? {}),
      ...this.#tally(name),
      usage: this.#usage.get(name),
    })
  }

  removeNode(name: string): void {
    const position = this.#positions.get(name)
    this.#usage.delete(name)
    if (position === undefined) return
    const last = this.#nodes.pop()
    this.#positions.delete(name)
    if (last && last.name !== name) {
      this.#nodes[position] = last
      this.#positions.set(last.name, position)
    }
    this.#dropEmptyTally(name)
  }

  setUsage(name: string, usage: NodeLoad | undefined): void {
    if (usage) this.#usage.set(name, usage)
    else this.#usage.delete(name)
    const node = this.node(name)
    if (node) this.#put({ ...node, usage })
  }

  /**
   * Counts a pod on a node; a pod that is already counted moves. A placement that has been decided but not yet written
   * is assumed in the same way, so that the next pod sees it, and taken back with `removePod` when writing failed.
   */
  addPod(pod: Pod, nodeName: string): void {
    const uid = uidOf(pod)
    // A pod on its way out still uses its board, but the one that takes its place need not keep away from it.
    const owner = pod.metadata.deletionTimestamp === undefined ? ownerOf(pod) : undefined
    const before = this.#pods.get(uid)
    if (before?.nodeName === nodeName && before.owner === owner) return
    this.removePod(pod)
    const placed = { nodeName, requests: readRequests(pod), owner }
    this.#pods.set(uid, placed)
    const tally = this.#tally(nodeName)
    addResources(tally.requested, placed.requests, 1)
    if (owner !== undefined) tally.podsByOwner.set(owner, (tally.podsByOwner.get(owner) ?? 0) + 1)
  }

  removePod(pod: Pod): void {
    const uid = uidOf(pod)
    const placed = this.#pods.get(uid)
    if (!placed) return
    this.#pods.delete(uid)
    const tally = this.#tally(placed.nodeName)
    addResources(tally.requested, placed.requests, -1)
    if (placed.owner !== undefined) {
      const left = (tally.podsByOwner.get(placed.owner) ?? 1) - 1
      if (left > 0) tally.podsByOwner.set(placed.owner, left)
      else tally.podsByOwner.delete(placed.owner)
    }
    this.#dropEmptyTally(placed.nodeName)
  }

  #put(node: SnapshotNode): void {
    const position = this.#positions.get(node.name) ?? this.#nodes.length
    this.#positions.set(node.name, position)
    this.#nodes[position] = node
  }

  #tally(name: string): Tally {
    const known = this.#tallies.get(name)
    if (known) return known
    const tally = { requested: noResources(), podsByOwner: new Map<string, number>() }
    this.#tallies.set(name, tally)
    return tally
  }

  /** Pods may be seen before their node and outlive it, so a tally goes only when both are gone. */
  #dropEmptyTally(name: string): void {
    if (!this.#positions.has(name) && this.#tallies.get(name)?.requested.pods === 0) this.#tallies.delete(name)
  }
}

/** The uid of the pod's controller; undefined for a pod that somebody made by hand. */
export function ownerOf(pod: Pod): string | undefined {
  return controllerOf(pod)?.uid
}

function uidOf(pod: Pod): string {
  return pod.metadata.uid ?? `${pod.metadata.namespace}/${pod.metadata.name}`
}
