/** What a board is to be: read from the documents of its two retained collections. */
import type { ConfigMapWish, NodeRoute, NodeWish, PodWish, ServiceRoute } from '../../contract/wire/fleet.ts'
import type { Snapshot } from '../../kit/bus/collection.ts'

/** From the collection `nodes/<n>/wish`. */
export interface BoardWish {
  epoch: number
  generation: number
  /** Undefined until the master has given the node its share of the pod network. */
  node: NodeWish | undefined
  /** By uid. */
  pods: Map<string, PodWish>
  /** By `<namespace>/<name>`. */
  configMaps: Map<string, ConfigMapWish>
}

/** From the collection `network`. */
export interface NetworkTable {
  nodes: NodeRoute[]
  services: ServiceRoute[]
}

/** Documents come from the master, whose word a board takes; names that it does not know are left to newer agents. */
export function readBoardWish({ epoch, generation, documents }: Snapshot): BoardWish {
  const wish: BoardWish = { epoch, generation, node: undefined, pods: new Map(), configMaps: new Map() }
  for (const [name, document] of documents) {
    if (name === 'node') wish.node = document as NodeWish
    if (name.startsWith('pods/')) {
      const pod = document as PodWish
      if (pod.metadata.uid) wish.pods.set(pod.metadata.uid, pod)
    }
    if (name.startsWith('configmaps/')) wish.configMaps.set(name.slice('configmaps/'.length), document as ConfigMapWish)
  }
  return wish
}

export function readNetworkTable({ documents }: Snapshot): NetworkTable {
  const table: NetworkTable = { nodes: [], services: [] }
  for (const [name, document] of documents) {
    if (name.startsWith('nodes/')) table.nodes.push(document as NodeRoute)
    if (name.startsWith('services/')) table.services.push(document as ServiceRoute)
  }
  return table
}
