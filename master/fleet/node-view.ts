/** What of the cache a node's wish is made of, and which nodes a change of that concerns. */
import type { ConfigMap, Secret, ServiceAccount } from '../../contract/resources/core.ts'
import { type Mentions, mentionsOf } from '../../contract/resources/mentions.ts'
import type { Node } from '../../contract/resources/node.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import type { NodeIdentity } from '../../contract/resources/trust.ts'
import { secretDocument } from '../../contract/wire/fleet.ts'
import type { Cache } from '../store/cache.ts'
import { configMapKind, nodeIdentityKind, podKind, secretKind, serviceAccountKind } from './kinds.ts'
import { accountOf, type ClusterRanges, renderPod, renderWish, type WishView } from './render-wish.ts'
import type { SealedSecrets } from './sealed-secrets.ts'

export class NodeView {
  #cache: Cache
  #cluster: ClusterRanges
  #sealed: SealedSecrets

  constructor(parts: { cache: Cache; cluster: ClusterRanges; sealed: SealedSecrets }) {
    this.#cache = parts.cache
    this.#cluster = parts.cluster
    this.#sealed = parts.sealed
  }

  /** The documents of the node's wish; undefined while it can have none. */
  async render(node: Node): Promise<Map<string, unknown> | undefined> {
    const { name } = node.metadata
    const pods = this.#cache.podsOnNode(name)
    const identity = this.#cache.get<NodeIdentity>(nodeIdentityKind, undefined, name)
    const sealed = await this.#sealed.sealFor({ node: name, identity, secrets: this.#secretsOf(pods) })
    return renderWish({
      node,
      pods,
      cluster: this.#cluster,
      serviceAccount: this.#account,
      configMap: (namespace, map) => this.#cache.get<ConfigMap>(configMapKind, namespace, map),
      secret: (namespace, secret) => sealed.get(secretDocument(namespace, secret)),
    })
  }

  /** The node is no more. */
  forget(name: string): void {
    this.#sealed.forget(name)
  }

  nodesWithConfigMap(namespace: string | undefined, name: string): Set<string> {
    return this.#nodesWith(namespace, pod => this.#mentions(pod).configMaps.has(name))
  }

  nodesWithSecret(namespace: string | undefined, name: string): Set<string> {
    return this.#nodesWith(namespace, pod => this.#mentions(pod).secrets.has(name))
  }

  nodesWithAccount(namespace: string | undefined, name: string): Set<string> {
    return this.#nodesWith(namespace, ({ spec }) => (spec.serviceAccountName ?? 'default') === name)
  }

  #nodesWith(namespace: string | undefined, isConcerned: (pod: Pod) => boolean): Set<string> {
    const pods = this.#cache.list<Pod>(podKind, namespace)
    return new Set(pods.flatMap(pod => (pod.spec.nodeName && isConcerned(pod) ? [pod.spec.nodeName] : [])))
  }

  #secretsOf(pods: readonly Pod[]): Secret[] {
    const found = new Map<string, Secret>()
    for (const pod of pods) {
      const { namespace = 'default' } = pod.metadata
      for (const name of this.#mentions(pod).secrets) {
        const secret = this.#cache.get<Secret>(secretKind, namespace, name)
        if (secret) found.set(secretDocument(namespace, name), secret)
      }
    }
    return [...found.values()]
  }

  /** With what its account adds. */
  #mentions(pod: Pod): Mentions {
    return mentionsOf(renderPod(pod, accountOf(pod, this.#account)).spec)
  }

  #account: WishView['serviceAccount'] = (namespace, name) =>
    this.#cache.get<ServiceAccount>(serviceAccountKind, namespace, name)
}
