/** Renders what one node is to run: the documents of its wish. Pure. */
import type { ConfigMap } from '../../contract/resources/core.ts'
import type { Node } from '../../contract/resources/node.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import type { NodeWish, PodWish, ProfileName } from '../../contract/wire/fleet.ts'

export interface WishView {
  node: Node
  /** Those bound to the node, in any order. */
  pods: readonly Pod[]
  configMap: (namespace: string, name: string) => ConfigMap | undefined
  cluster: ClusterRanges
}

export interface ClusterRanges {
  clusterCIDR: string
  serviceCIDR: string
  profile: ProfileName
}

/** Undefined while the node has no share of the pod network: until then it cannot run anything. */
export function renderWish(view: WishView): Map<string, unknown> | undefined {
  const { node, cluster } = view
  const { podCIDR } = node.spec
  if (podCIDR === undefined) return undefined
  const own: NodeWish = { name: node.metadata.name, podCIDR, ...cluster }
  const documents = new Map<string, unknown>([['node', own]])
  for (const pod of view.pods) {
    const { namespace = 'default', name } = pod.metadata
    documents.set(`pods/${namespace}/${name}`, renderPod(pod))
    // A node sees the ConfigMaps that its pods mention, and no other.
    for (const mentioned of configMapsOf(pod)) {
      const map = view.configMap(namespace, mentioned)
      if (map) documents.set(`configmaps/${namespace}/${mentioned}`, renderConfigMap(map))
    }
  }
  return documents
}

/** Names of the ConfigMaps that a pod's environment mentions, in its own namespace. */
export function configMapsOf({ spec }: Pod): Set<string> {
  const names = new Set<string>()
  for (const { env = [], envFrom = [] } of spec.containers) {
    for (const { valueFrom } of env) if (valueFrom?.configMapKeyRef) names.add(valueFrom.configMapKeyRef.name)
    for (const { configMapRef } of envFrom) if (configMapRef) names.add(configMapRef.name)
  }
  return names
}

/** Without what the agent itself reports, and what changes without meaning for it: else each report would be a new wish. */
export function renderPod({ apiVersion, kind, metadata, spec }: Pod): PodWish {
  const { name, namespace, uid, labels, annotations, deletionTimestamp, deletionGracePeriodSeconds } = metadata
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
    },
    spec,
  }
}

export function renderConfigMap({ apiVersion, kind, metadata, data, binaryData }: ConfigMap): object {
  const { name, namespace } = metadata
  return { apiVersion, kind, metadata: { name, namespace }, data, binaryData }
}
