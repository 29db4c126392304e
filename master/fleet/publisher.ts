/** Master to nodes: keeps each node's retained wish, and the network table that all share, as the store says. */
import type { ConfigMap, Secret, ServiceAccount } from '../../contract/resources/core.ts'
import type { Node } from '../../contract/resources/node.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { type EndpointSlice, type Service, serviceNameLabel } from '../../contract/resources/service.ts'
import type { NodeIdentity } from '../../contract/resources/trust.ts'
import type { Topics } from '../../contract/wire/topics.ts'
import type { Bus } from '../../kit/bus/bus.ts'
import { CollectionPublisher } from '../../kit/bus/collection-publisher.ts'
import type { Cancel, Clock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { WorkQueue } from '../../kit/work-queue.ts'
import type { Cache, Change } from '../store/cache.ts'
import { sameJson } from '../store/same-json.ts'
import {
  configMapKind,
  endpointSliceKind,
  nodeIdentityKind,
  nodeKind,
  podKind,
  secretKind,
  serviceAccountKind,
  serviceKind,
} from './kinds.ts'
import { findRetainedNodes } from './leftovers.ts'
import { NodeView } from './node-view.ts'
import { renderNodeRoute, renderServiceRoute } from './render-network.ts'
import { type ClusterRanges, renderConfigMap, renderPod } from './render-wish.ts'
import { keyOf, SealedSecrets, sameSecret } from './sealed-secrets.ts'

export interface PublisherParts {
  bus: Bus
  topics: Topics
  cache: Cache
  epoch: number
  cluster: ClusterRanges
  clock: Clock
  log: Log
  /** Whether the broker may hold what an earlier master retained. False for the embedded one, which starts empty. */
  brokerRemembers: boolean
}

/** Changes this close to each other are one publication: a rollout touches a node many times in a row. */
const gatherMs = 10
const publishConcurrency = 32
/** How long a broker that remembers may take to tell what it holds. */
const leftoversMs = 5000
/** The key of the shared table, beside node names (which are DNS labels and never empty). */
const networkKey = ''

export class Publisher {
  #parts: PublisherParts
  #queue: WorkQueue
  #view: NodeView
  #wishes = new Map<string, CollectionPublisher>()
  #network: CollectionPublisher
  /** Documents of the network table by name, kept up with each change: the table is not rendered whole for one pod. */
  #routes = new Map<string, unknown>()
  /** Keys of collections that the broker may have forgotten. */
  #forgotten = new Set<string>()
  /** Nodes without an object that the broker still holds something of. */
  #departed = new Set<string>()
  #endings: Array<() => void> = []
  #timers = new Set<Cancel>()
  #stopping = new AbortController()
  #searched = false
  /** Of a collection that is begun: larger than any that was used for one of its name in this epoch. */
  #firstGeneration = 0

  constructor(parts: PublisherParts) {
    this.#parts = parts
    this.#network = this.#collection(parts.topics.network)
    const { cache, cluster, log } = parts
    this.#view = new NodeView({ cache, cluster, sealed: new SealedSecrets(log) })
    this.#queue = new WorkQueue({
      work: key => this.#publish(key),
      clock: parts.clock,
      concurrency: publishConcurrency,
      backoff: { minMs: 50, maxMs: 5000, jitter: 0.2 },
      onError: (key, error) => parts.log.debug('not published yet', { node: key, reason: messageOf(error) }),
    })
  }

  async start(): Promise<void> {
    const { bus, cache, brokerRemembers } = this.#parts
    if (brokerRemembers) await this.#learnLeftovers(this.#network)
    this.#endings.push(
      cache.onChange(change => this.#take(change)),
      bus.onConnect(() => this.#republish()),
    )
    this.#touch(networkKey)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const end of this.#endings.splice(0)) end()
    for (const cancel of this.#timers) cancel()
    await this.#queue.stop()
    for (const wish of [this.#network, ...this.#wishes.values()]) wish.stop()
  }

  #take({ kind, type, object, previous }: Change): void {
    const [now, before] = [object as unknown, previous as unknown]
    const { namespace } = object.metadata
    if (kind === nodeKind) this.#takeNode(type, now as Node, before as Node | undefined)
    else if (kind === podKind) this.#takePod(type, now as Pod, before as Pod | undefined)
    else if (kind === configMapKind) this.#takeConfigMap(type, now as ConfigMap, before as ConfigMap | undefined)
    else if (kind === secretKind) this.#takeSecret(type, now as Secret, before as Secret | undefined)
    else if (kind === serviceAccountKind) this.#takeAccount(now as ServiceAccount, before as ServiceAccount | undefined)
    else if (kind === nodeIdentityKind)
      this.#takeIdentity(type, now as NodeIdentity, before as NodeIdentity | undefined)
    else if (kind === serviceKind) this.#setService(namespace, object.metadata.name)
    else if (kind === endpointSliceKind) {
      const services = [object, previous].map(slice => slice?.metadata.labels?.[serviceNameLabel])
      for (const name of new Set(services)) if (name !== undefined) this.#setService(namespace, name)
    }
  }

  /** A board's readings change often; what it is to do does not change with them. */
  #takeNode(type: 'put' | 'delete', node: Node, before: Node | undefined): void {
    const { name } = node.metadata
    this.#setRoute(`nodes/${name}`, type === 'put' ? renderNodeRoute(node) : undefined)
    if (type === 'delete') this.#departed.add(name)
    else this.#departed.delete(name)
    if (type === 'delete' || !before || before.spec.podCIDR !== node.spec.podCIDR) this.#touch(name)
  }

  #takePod(type: 'put' | 'delete', pod: Pod, before: Pod | undefined): void {
    const sameForAgent = before?.spec.nodeName === pod.spec.nodeName && sameWish(settled, pod, before)
    if (type === 'put' && sameForAgent) return
    this.#touch(before?.spec.nodeName)
    this.#touch(pod.spec.nodeName)
  }

  #takeConfigMap(type: 'put' | 'delete', map: ConfigMap, before: ConfigMap | undefined): void {
    if (type === 'put' && sameWish(renderConfigMap, map, before)) return
    const { namespace, name } = map.metadata
    for (const node of this.#view.nodesWithConfigMap(namespace, name)) this.#touch(node)
  }

  #takeSecret(type: 'put' | 'delete', secret: Secret, before: Secret | undefined): void {
    if (type === 'put' && before && sameSecret(secret, before)) return
    const { namespace, name } = secret.metadata
    for (const node of this.#view.nodesWithSecret(namespace, name)) this.#touch(node)
  }

  /** Rare, and what it changes shows when the wish is rendered: an equal one is not sent. */
  #takeAccount(account: ServiceAccount, before: ServiceAccount | undefined): void {
    const { namespace, name } = account.metadata
    if (before && sameJson({ ...account, metadata: {} }, { ...before, metadata: {} })) return
    for (const node of this.#view.nodesWithAccount(namespace, name)) this.#touch(node)
  }

  /** Its certificates are renewed without a change of what it is to do. */
  #takeIdentity(type: 'put' | 'delete', identity: NodeIdentity, before: NodeIdentity | undefined): void {
    if (type === 'delete' || keyOf(identity) !== keyOf(before)) this.#touch(identity.metadata.name)
  }

  #setService(namespace: string | undefined, name: string): void {
    const { cache } = this.#parts
    const service = cache.get<Service>(serviceKind, namespace, name)
    const slices = service ? cache.ownedBy<EndpointSlice>(endpointSliceKind, service.metadata) : []
    this.#setRoute(`services/${namespace}/${name}`, service && renderServiceRoute(service, slices))
  }

  #setRoute(name: string, route: unknown): void {
    if (sameJson(this.#routes.get(name), route)) return
    if (route === undefined) this.#routes.delete(name)
    else this.#routes.set(name, route)
    this.#touch(networkKey)
  }

  #touch(key: string | undefined): void {
    if (key !== undefined) this.#queue.addAfter(key, gatherMs)
  }

  #publish(key: string): Promise<void> {
    return key === networkKey ? this.#send(key, this.#network, new Map(this.#routes)) : this.#publishWish(key)
  }

  async #publishWish(name: string): Promise<void> {
    const node = this.#parts.cache.get<Node>(nodeKind, undefined, name)
    if (!node || this.#isRevoked(name)) return this.#clear(name)
    const documents = await this.#view.render(node)
    if (documents) await this.#send(name, await this.#wishOf(name), documents)
  }

  #isRevoked(name: string): boolean {
    return this.#parts.cache.get<NodeIdentity>(nodeIdentityKind, undefined, name)?.spec.revoked === true
  }

  async #send(key: string, collection: CollectionPublisher, documents: Map<string, unknown>): Promise<void> {
    const isForgotten = this.#forgotten.delete(key)
    // In this order: it is the new documents that are sent whole, never those of before.
    const sent = collection.publish(documents)
    await (isForgotten ? Promise.all([sent, collection.republish()]) : sent)
  }

  async #wishOf(name: string): Promise<CollectionPublisher> {
    const known = this.#wishes.get(name)
    if (known) return known
    const wish = this.#collection(this.#parts.topics.nodeWish(name))
    this.#wishes.set(name, wish)
    if (this.#parts.brokerRemembers) await this.#learnLeftovers(wish)
    return wish
  }

  /** Leaves nothing at the broker of a node that is no more, and no wish for one that was revoked. */
  async #clear(name: string): Promise<void> {
    const { bus, topics } = this.#parts
    const wish = this.#wishes.get(name)
    this.#view.forget(name)
    await wish?.remove()
    // Should the node return, its agent has seen these generations and takes none that is older.
    this.#firstGeneration = Math.max(this.#firstGeneration, wish?.generation ?? 0)
    this.#wishes.delete(name)
    this.#forgotten.delete(name)
    if (!this.#departed.has(name)) return
    await bus.publish(topics.nodePresence(name), '', { retain: true })
    this.#departed.delete(name)
  }

  #collection(prefix: string): CollectionPublisher {
    const { bus, epoch, log } = this.#parts
    return new CollectionPublisher({ bus, prefix, epoch, log, generation: this.#firstGeneration })
  }

  async #learnLeftovers(collection: CollectionPublisher): Promise<void> {
    await collection.start()
    this.#later(() => collection.settle())
  }

  /** The broker that we are connected to may have forgotten what it retained. */
  #republish(): void {
    for (const key of [networkKey, ...this.#wishes.keys()]) {
      this.#forgotten.add(key)
      this.#queue.add(key)
    }
    if (!this.#parts.brokerRemembers || this.#searched) return
    this.#searched = true
    // Only when the wishes of living nodes have been read back: they matter more.
    this.#later(() => this.#clearStrays())
  }

  async #clearStrays(): Promise<void> {
    const { bus, topics, clock, cache, log } = this.#parts
    const { signal } = this.#stopping
    const found = await findRetainedNodes({ bus, topics, clock, signal, searchMs: leftoversMs })
    const strays = [...found].filter(name => this.#isRevoked(name) || !cache.get(nodeKind, undefined, name))
    if (strays.length > 0) log.info('clearing what the broker holds of nodes that are no more', { strays })
    for (const name of strays) {
      this.#departed.add(name)
      await this.#wishOf(name)
      // By then the broker has told which documents there are.
      this.#queue.addAfter(name, leftoversMs)
    }
  }

  #later(run: () => Promise<void>): void {
    const cancel = this.#parts.clock.after(leftoversMs, () => {
      this.#timers.delete(cancel)
      run().catch(error => {
        if (!this.#stopping.signal.aborted) this.#parts.log.warn('cannot tidy up', { error: messageOf(error) })
      })
    })
    this.#timers.add(cancel)
  }
}

/** But for its account, which tells of its own changes. */
function settled(pod: Pod): object {
  return renderPod(pod, undefined)
}

/** Whether two versions of an object ask the same of the agent. */
function sameWish<T>(render: (object: T) => object, now: T, before: T | undefined): boolean {
  return before !== undefined && sameJson(render(now), render(before))
}
