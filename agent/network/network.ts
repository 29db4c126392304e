/** The network ports: pods' own network on this board, and the Services that it routes. Both take the whole wish, as often as you like. */
import type { NodeRoute, ServiceRoute } from '../../contract/wire/fleet.ts'

/** Addresses for pods (CNI), forwarding, and routes to the pods of the other boards. */
export interface PodNetwork {
  /** Brings the board to this state. Idempotent; cheap when nothing changed. */
  apply(wish: PodNetworkWish): Promise<void>
}

export interface PodNetworkWish {
  /** This board's share of the pod network; containers get addresses from it. */
  podCIDR: string
  /** All pods of the cluster: traffic to elsewhere leaves with the board's own address. */
  clusterCIDR: string
  serviceCIDR: string
  /** This board's name, so that its own row among `nodes` is left out. */
  nodeName: string
  nodes: NodeRoute[]
}

/** ClusterIP and NodePort on this board. */
export interface ServiceProxy {
  /**
   * Makes the kernel route exactly these services, in one transaction whose size is proportional to the change.
   * Without `network` the one of the last call holds; before any was given, nothing is masqueraded and no unused
   * service address is refused.
   */
  apply(services: ServiceRoute[], network?: ServiceNetwork): Promise<ServiceProxyChange>
  /** Forgets what it believes of the kernel: the next `apply` reads it back or writes it whole. */
  invalidate(): void
  /** Removes every trace. */
  clear(): Promise<void>
}

/** The ranges by which the proxy tells pods, services and the world apart. A `PodNetworkWish` is one. */
export type ServiceNetwork = Pick<PodNetworkWish, 'podCIDR' | 'clusterCIDR' | 'serviceCIDR'>

export interface ServiceProxyChange {
  /** Map elements added and removed. */
  added: number
  removed: number
  /** True when the whole table was written anew. */
  whole: boolean
}
