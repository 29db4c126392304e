/** What each node uses just now: in memory only, because figures that change every few seconds would wear out a card. */
import type { NodeMetrics } from '../../contract/resources/node.ts'
import type { NodeUsage } from '../../contract/wire/fleet.ts'

/** How old the figures may be at most while a node is reachable: the `lan` profile's cadence, as a Go duration. */
const window = '5s'

export class NodeUsageBoard {
  #metrics = new Map<string, NodeMetrics>()

  set(node: string, { timestamp, usage }: NodeUsage): void {
    const metadata = { name: node, creationTimestamp: timestamp }
    this.#metrics.set(node, {
      apiVersion: 'metrics.k8s.io/v1beta1',
      kind: 'NodeMetrics',
      metadata,
      timestamp,
      window,
      usage,
    })
  }

  get(node: string): NodeMetrics | undefined {
    return this.#metrics.get(node)
  }

  /** By name. */
  all(): NodeMetrics[] {
    return [...this.#metrics.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  }

  forget(node: string): void {
    this.#metrics.delete(node)
  }
}
