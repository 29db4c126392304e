/** Keeps the board's pod network and service rules as the master's table says; tries again what failed, and looks now and then. */
import type { NodeRoute, NodeWish, ServiceRoute } from '../../contract/wire/fleet.ts'
import type { Clock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { Loop } from '../../kit/loop.ts'
import type { PodNetwork, ServiceProxy } from '../network/network.ts'

export interface NetworkSyncParts {
  podNetwork: PodNetwork
  serviceProxy: ServiceProxy
  clock: Clock
  log: Log
  /** Called when pods can have addresses for the first time. */
  onReady: () => void
}

/** A link that went down and came up again has lost its routes, and nobody says so. */
const recheckMs = 5000

export class NetworkSync {
  #parts: NetworkSyncParts
  #loop: Loop
  #node: NodeWish | undefined
  #table: { nodes: NodeRoute[]; services: ServiceRoute[] } = { nodes: [], services: [] }
  #ready = false

  constructor(parts: NetworkSyncParts) {
    const { clock, log } = parts
    this.#parts = parts
    this.#loop = new Loop({
      clock,
      intervalMs: recheckMs,
      run: () => this.#sync(),
      onError: error => log.warn('cannot bring the network to its wish', { error: messageOf(error) }),
    })
  }

  start(): void {
    this.#loop.start()
  }

  /** Rules and routes stay: pods go on being served while the agent is away. */
  stop(): Promise<void> {
    return this.#loop.stop()
  }

  setNode(node: NodeWish | undefined): void {
    this.#node = node
    this.#loop.poke()
  }

  setTable(table: { nodes: NodeRoute[]; services: ServiceRoute[] }): void {
    this.#table = table
    this.#loop.poke()
  }

  async #sync(): Promise<void> {
    if (!this.#node) return
    const { podCIDR, clusterCIDR, serviceCIDR, name: nodeName } = this.#node
    const { nodes, services } = this.#table
    const { podNetwork, serviceProxy, onReady } = this.#parts
    const wish = { podCIDR, clusterCIDR, serviceCIDR, nodeName, nodes }
    // Services first: of the two they are what a failover waits for.
    await serviceProxy.apply(services, wish)
    await podNetwork.apply(wish)
    if (this.#ready) return
    this.#ready = true
    onReady()
  }
}
