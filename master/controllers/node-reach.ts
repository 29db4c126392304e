/**
 * Which nodes cannot be reached, as the controllers need to know it: a master that has just started has heard from nobody
 * yet, and must not take that for the loss of the whole cluster.
 */
import type { Clock } from '../../kit/clock.ts'
import type { NodeHealth } from '../store/node-health.ts'

export type Reach = { state: 'reachable' } | { state: 'lost'; why: string } | { state: 'unheard'; graceLeftMs: number }

export class NodeReach {
  #health: NodeHealth
  #clock: Clock
  #graceEndsAt: number
  #lost = new Map<string, string>()
  #handlers = new Set<(node: string) => void>()
  #unsubscribe: (() => void) | undefined

  constructor(parts: { health: NodeHealth; clock: Clock; startGraceMs: number }) {
    this.#health = parts.health
    this.#clock = parts.clock
    this.#graceEndsAt = parts.clock.monotonic() + parts.startGraceMs
  }

  start(): void {
    this.#unsubscribe = this.#health.onChange((node, reachable, why) => {
      if (reachable) this.#lost.delete(node)
      else this.#lost.set(node, why)
      for (const handler of this.#handlers) handler(node)
    })
  }

  stop(): void {
    this.#unsubscribe?.()
  }

  /** Calls `handler` with the name of each node whose reach has changed, after the change. */
  onChange(handler: (node: string) => void): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  of(node: string): Reach {
    if (this.#health.isReachable(node)) return { state: 'reachable' }
    const why = this.#lost.get(node)
    if (why !== undefined) return { state: 'lost', why }
    const graceLeftMs = this.#graceEndsAt - this.#clock.monotonic()
    if (graceLeftMs > 0) return { state: 'unheard', graceLeftMs }
    return { state: 'lost', why: 'The node has not been heard of since the master started.' }
  }

  isLost(node: string): boolean {
    return this.of(node).state === 'lost'
  }
}
