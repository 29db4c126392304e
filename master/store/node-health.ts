/** The NodeHealth port: who can be reached. The fleet knows; the node-lifecycle controller turns it into conditions and taints. */

export interface NodeHealth {
  /** False for a node that was never heard of, or that has been silent for longer than its lease. */
  isReachable(node: string): boolean
  /** Calls `handler` at each change of mind. `why` is a sentence for a condition's message. */
  onChange(handler: (node: string, reachable: boolean, why: string) => void): () => void
}
