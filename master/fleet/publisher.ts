/** Master to nodes: keeps each node's retained wish, and the network table that all share, as the store says. */
import type { ConfigMap } from '../../contract/resources/core.ts'
import type { Node } from '../../contract/resources/node.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { type EndpointSlice, type Service, serviceNameLabel } from '../../contract/resources/service.ts'
import type { Topics } from '../../contract/wire/topics.ts'
import type { Bus } from '../../kit/bus/bus.ts'
import { CollectionPublisher } from '../../kit/bus/collection-publisher.ts'
import type { Cancel, Clock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { WorkQueue } from '../../kit/work-queue.ts'
import type { Cache, Change } from '../store/cache.ts'
import { configMapKind, endpointSliceKind, nodeKind, podKind, serviceKind } from './kinds.ts'
import { renderNodeRoute, renderServiceRoute } from './render-network.ts'
import { type ClusterRanges, configMapsOf, renderWish } from './render-wish.ts'

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
  #wishes = new Map<string, CollectionPublisher>()
  #network: CollectionPublisher
  /** Documents of the network table by name, kept up with each change: the table is not rendered whole for one pod. */
  #routes = new Map<string, unknown>()
  #endings: Array<() => void> = []
  #timers = new Set<Cancel>()
  /** Of collections that this process starts anew: larger than any that an earlier one can have used in this epoch. */
  #firstGeneration: number

  constructor(parts: PublisherParts) {
    this.#parts = parts
    this.#firstGeneration = Math.floor(parts.clock.now() / 1000) * 1000
    this.#network = this.#collection(parts.topics.network)
    this.#queue = new WorkQueue({
      work: key => this.#publish(key),
      clock: parts.clock,
      concurrency: publishConcurrency,
      backoff: { minMs: 50, maxMs: 5000, jitter: 0.2 },
      onError: (key, error) => parts.log.debug('not published yet', { node: key, reason: messageOf(error) }),
    })
  }

  async start(): Promise<void> {
    const { bus, cache } = this.#parts
    if (this.#parts.brokerRemembers) await this.#learnLeftovers(this.#network)
    this.#endings.push(
      cache.onChange(change => this.#take(change)),
      bus.onConnect(() => void this.#republish()),
    )
    this.#touch(networkKey)
  }

  async stop(): Promise<void> {
    for (const end of this.#endings.splice(0)) end()
    for (const cancel of this.#timers) cancel()
    await this.#queue.stop()
    for (const wish of [this.#network, ...this.#wishes.values()]) wish.stop()
  }

  #take({ kind, type, object, previous }: Change): void {
    if (kind === nodeKind) this.#takeNode(type, object as unknown as Node)
    else if (kind === podKind)
      for (const pod of [object, previous]) this.#touch((pod as Pod | undefined)?.spec.nodeName)
    else if (kind === configMapKind) this.#takeConfigMap(object as unknown as ConfigMap)
    else if (kind === serviceKind) this.#setService(object.metadata.namespace, object.metadata.name)
    else if (kind === endpointSliceKind) {
      this.#setService(object.metadata.namespace, object.metadata.labels?.[serviceNameLabel] ?? '')
    }
  }

  #takeNode(type: 'put' | 'delete', node: Node): void {
    const { name } = node.metadata
    this.#setRoute(`nodes/${name}`, type === 'put' ? renderNodeRoute(node) : undefined)
    this.#touch(name)
  }

  #takeConfigMap({ metadata }: ConfigMap): void {
    for (const pod of this.#parts.cache.list<Pod>(podKind, metadata.namespace)) {
      if (pod.spec.nodeName && configMapsOf(pod).has(metadata.name)) this.#touch(pod.spec.nodeName)
    }
  }

  #setService(namespace: string | undefined, name: string): void {
    const { cache } = this.#parts
    const service = cache.get<Service>(serviceKind, namespace, name)
    const slices = service ? cache.ownedBy<EndpointSlice>(endpointSliceKind, service.metadata.uid ?? '') : []
    this.#setRoute(`services/${namespace}/${name}`, service && renderServiceRoute(service, slices))
  }

  #setRoute(name: string, route: unknown): void {
    if (JSON.stringify(this.#routes.get(name)) === JSON.stringify(route)) return
    if (route === undefined) this.#routes.delete(name)
    else this.#routes.set(name, route)
    this.#touch(networkKey)
  }

  #touch(key: string | undefined): void {
    if (key !== undefined) this.#queue.addAfter(key, gatherMs)
  }

  #publish(key: string): Promise<void> {
    return key === networkKey ? this.#network.publish(new Map(this.#routes)) : this.#publishWish(key)
  }

  async #publishWish(name: string): Promise<void> {
    const { cache, cluster } = this.#parts
    const node = cache.get<Node>(nodeKind, undefined, name)
    if (!node) return this.#removeWish(name)
    const configMap = (namespace: string, map: string): ConfigMap | undefined =>
      cache.get<ConfigMap>(configMapKind, namespace, map)
    const documents = renderWish({ node, pods: cache.podsOnNode(name), configMap, cluster })
    if (documents) await (await this.#wishOf(name)).publish(documents)
  }

  async #wishOf(name: string): Promise<CollectionPublisher> {
    const known = this.#wishes.get(name)
    if (known) return known
    const wish = this.#collection(this.#parts.topics.nodeWish(name))
    this.#wishes.set(name, wish)
    if (this.#parts.brokerRemembers) await this.#learnLeftovers(wish)
    return wish
  }

  async #removeWish(name: string): Promise<void> {
    const wish = this.#wishes.get(name)
    this.#wishes.delete(name)
    await wish?.remove()
  }

  #collection(prefix: string): CollectionPublisher {
    const { bus, epoch, log } = this.#parts
    return new CollectionPublisher({ bus, prefix, epoch, log, generation: this.#firstGeneration })
  }

  async #learnLeftovers(collection: CollectionPublisher): Promise<void> {
    await collection.start()
    const cancel = this.#parts.clock.after(leftoversMs, () => {
      this.#timers.delete(cancel)
      collection.settle().catch(error => this.#parts.log.warn('cannot tidy up', { error: messageOf(error) }))
    })
    this.#timers.add(cancel)
  }

  /** The broker that we are connected to may have forgotten what it retained. */
  async #republish(): Promise<void> {
    for (const collection of [this.#network, ...this.#wishes.values()]) {
      // The connection went again: its next one brings us back here.
      await collection
        .republish()
        .catch(error => this.#parts.log.debug('not republished', { reason: messageOf(error) }))
    }
  }
}
