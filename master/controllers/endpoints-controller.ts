/** Keeps the EndpointSlices of each service with a selector: the pods behind it, and whether they may get traffic. */
import type { Pod } from '../../contract/resources/pod.ts'
import { type EndpointSlice, type Service, serviceNameLabel } from '../../contract/resources/service.ts'
import type { Change } from '../store/cache.ts'
import { sameJson } from '../store/same-json.ts'
import type { Controller, Enqueue } from './controller.ts'
import { keyOf, splitKey } from './keys.ts'
import { endpointSliceKind, podKind, serviceKind } from './kinds.ts'
import type { NodeReach } from './node-reach.ts'
import { hasEndpoints, isOurs, planEndpoints } from './plan-endpoints.ts'
import type { ControllersParts } from './room.ts'
import { observed, Writer } from './writer.ts'

export class EndpointsController implements Controller {
  readonly name = 'endpoints'
  #parts: ControllersParts & { reach: NodeReach }
  #writer: Writer

  constructor(parts: ControllersParts & { reach: NodeReach }) {
    this.#parts = parts
    this.#writer = new Writer(parts)
  }

  keysOf({ kind, type, object, previous }: Change): string[] {
    if (kind === serviceKind) return [keyOf(object)]
    if (kind === endpointSliceKind) return serviceKey(object as unknown as EndpointSlice)
    if (kind !== podKind) return []
    const [pod, before] = [object as unknown as Pod, previous as unknown as Pod | undefined]
    if (type === 'put' && before && sameJson(relevance(pod), relevance(before))) return []
    return [...new Set([pod, ...(before ? [before] : [])].flatMap(each => this.#servicesOf(each)))]
  }

  /** Traffic to a node that cannot be reached ends at once, without waiting for anything to be written about its pods. */
  listen(enqueue: Enqueue): () => void {
    return this.#parts.reach.onChange(node => {
      const keys = this.#parts.cache.podsOnNode(node).flatMap(pod => this.#servicesOf(pod))
      for (const key of new Set(keys)) enqueue(key)
    })
  }

  async reconcile(key: string): Promise<undefined> {
    const { namespace, name } = splitKey(key)
    const { cache } = this.#parts
    const service = cache.get<Service>(serviceKind, namespace, name)
    const slices = cache
      .list<EndpointSlice>(endpointSliceKind, namespace)
      .filter(slice => slice.metadata.labels?.[serviceNameLabel] === name)
    if (!service) {
      await Promise.all(slices.filter(isOurs).map(slice => this.#writer.remove(slice)))
      return
    }
    const plan = planEndpoints(service, this.#podsOf(service), slices)
    // The agents' routes are made of this: it is worth no fsync, for it can be worked out again from the pods.
    await Promise.all([
      ...plan.create.map(slice => this.#writer.create(slice)),
      ...plan.replace.map(slice => this.#writer.replace(slice, observed)),
      ...plan.remove.map(slice => this.#writer.remove(slice)),
    ])
  }

  #podsOf(service: Service): Pod[] {
    const { cache, reach } = this.#parts
    return cache
      .list<Pod>(podKind, service.metadata.namespace)
      .filter(pod => selects(service, pod))
      .filter(({ spec }) => spec.nodeName !== undefined && !reach.isLost(spec.nodeName))
  }

  #servicesOf(pod: Pod): string[] {
    const services = this.#parts.cache.list<Service>(serviceKind, pod.metadata.namespace)
    return services.filter(service => hasEndpoints(service) && selects(service, pod)).map(keyOf)
  }
}

function selects({ spec }: Service, { metadata }: Pod): boolean {
  return Object.entries(spec.selector ?? {}).every(([name, value]) => metadata.labels?.[name] === value)
}

function serviceKey({ metadata }: EndpointSlice): string[] {
  const service = metadata.labels?.[serviceNameLabel]
  return service === undefined ? [] : [`${metadata.namespace}/${service}`]
}

/** What an endpoint is made of: other changes of a pod concern no service. */
function relevance({ metadata, spec, status }: Pod): unknown {
  const ready = status?.conditions?.find(condition => condition.type === 'Ready')?.status
  return [metadata.labels, metadata.deletionTimestamp, spec.nodeName, status?.podIP, status?.phase, ready]
}
