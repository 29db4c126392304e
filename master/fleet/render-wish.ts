/** Renders what one node is to run: the documents of its wish. Pure. */
import type { ConfigMap, ServiceAccount } from '../../contract/resources/core.ts'
import { mentionsOf } from '../../contract/resources/mentions.ts'
import type { Node } from '../../contract/resources/node.ts'
import type { Pod, PodSpec } from '../../contract/resources/pod.ts'
import {
  type NodeWish,
  type PodWish,
  type ProfileName,
  type SecretWish,
  secretDocument,
} from '../../contract/wire/fleet.ts'

export interface WishView {
  node: Node
  /** Those bound to the node, in any order. */
  pods: readonly Pod[]
  configMap: (namespace: string, name: string) => ConfigMap | undefined
  serviceAccount: (namespace: string, name: string) => ServiceAccount | undefined
  /** Sealed for this node; undefined when there is none, or no key to seal it for. */
  secret: (namespace: string, name: string) => SecretWish | undefined
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
    const wish = renderPod(pod, accountOf(pod, view.serviceAccount))
    documents.set(`pods/${namespace}/${name}`, wish)
    // A node sees what its pods mention, and nothing else.
    const { configMaps, secrets } = mentionsOf(wish.spec)
    for (const mentioned of configMaps) {
      const map = view.configMap(namespace, mentioned)
      if (map) documents.set(`configmaps/${namespace}/${mentioned}`, renderConfigMap(map))
    }
    for (const mentioned of secrets) {
      const secret = view.secret(namespace, mentioned)
      if (secret) documents.set(secretDocument(namespace, mentioned), secret)
    }
  }
  return documents
}

/** The account that a pod runs as, when it is there. */
export function accountOf(pod: Pod, find: WishView['serviceAccount']): ServiceAccount | undefined {
  return find(pod.metadata.namespace ?? 'default', pod.spec.serviceAccountName ?? 'default')
}

/** Without what the agent itself reports, and what changes without meaning for it: else each report would be a new wish. */
export function renderPod({ apiVersion, kind, metadata, spec }: Pod, account: ServiceAccount | undefined): PodWish {
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
    spec: settleAccount(spec, account),
  }
}

/** The agent knows no accounts: what the pod leaves to its account is decided here (admission plugin ServiceAccount). */
function settleAccount(spec: PodSpec, account: ServiceAccount | undefined): PodSpec {
  const own = spec.imagePullSecrets ?? []
  const imagePullSecrets = own.length > 0 ? own : (account?.imagePullSecrets ?? [])
  return {
    ...spec,
    serviceAccountName: spec.serviceAccountName ?? 'default',
    automountServiceAccountToken: spec.automountServiceAccountToken ?? account?.automountServiceAccountToken ?? true,
    ...(imagePullSecrets.length > 0 && { imagePullSecrets }),
  }
}

export function renderConfigMap({ apiVersion, kind, metadata, data, binaryData }: ConfigMap): object {
  const { name, namespace } = metadata
  return { apiVersion, kind, metadata: { name, namespace }, data, binaryData }
}
