/**
 * Which addresses stand behind a service, as EndpointSlices. Pure. There is one slice for all pods whose target ports have
 * the same numbers: a named port may have another number in each pod, and then there is a slice for each set of numbers.
 */
import { controllerReference } from '../../contract/resources/owners.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { isPodFinished, isPodReady } from '../../contract/resources/pods.ts'
import {
  type Endpoint,
  type EndpointSlice,
  type Service,
  type ServicePort,
  serviceNameLabel,
} from '../../contract/resources/service.ts'
import { sameJson } from '../store/same-json.ts'

/** Who made a slice, so that those that people make are left alone (Kubernetes' own label). */
const managedByLabel = 'endpointslice.kubernetes.io/managed-by'
const manager = 'endpointslice-controller.flotilla.dev'

export interface SlicePlan {
  create: EndpointSlice[]
  replace: EndpointSlice[]
  remove: EndpointSlice[]
}

type SlicePorts = NonNullable<EndpointSlice['ports']>

/** `pods`: those that the service selects and whose node can be reached. `present`: its slices, ours and others'. */
export function planEndpoints(service: Service, pods: readonly Pod[], present: readonly EndpointSlice[]): SlicePlan {
  const ours = present.filter(isOurs).sort(byName)
  const groups = hasEndpoints(service) ? groupByPorts(service, pods) : []
  // A slice keeps the ports it has where it can, so that a rollout to other port numbers moves pods between slices.
  const kept = groups.map(({ ports }) => ours.find(slice => sameJson(slice.ports, ports)))
  const free = ours.filter(slice => !kept.includes(slice))
  const plan: SlicePlan = { create: [], replace: [], remove: [] }
  for (const [index, { ports, endpoints }] of groups.entries()) {
    const slice = kept[index] ?? free.shift()
    if (!slice) plan.create.push(newSlice(service, ports, endpoints))
    else if (!sameJson(slice.ports, ports) || !sameJson(slice.endpoints, endpoints))
      plan.replace.push({ ...slice, ports, endpoints })
  }
  plan.remove = free
  return plan
}

/** A service without selector has endpoints that somebody else writes; an ExternalName has none. */
export function hasEndpoints({ spec }: Service): boolean {
  return spec.type !== 'ExternalName' && Object.keys(spec.selector ?? {}).length > 0
}

export function isOurs(slice: EndpointSlice): boolean {
  return slice.metadata.labels?.[managedByLabel] === manager
}

function groupByPorts(service: Service, pods: readonly Pod[]): Array<{ ports: SlicePorts; endpoints: Endpoint[] }> {
  const groups = new Map<string, { ports: SlicePorts; endpoints: Endpoint[] }>()
  for (const pod of [...pods].sort(byName)) {
    const ip = pod.status?.podIP
    if (!ip || isPodFinished(pod)) continue
    const ports = (service.spec.ports ?? []).flatMap(port => slicePort(port, pod))
    const key = JSON.stringify(ports)
    const group = groups.get(key) ?? { ports, endpoints: [] }
    group.endpoints.push(endpointOf(service, pod, ip))
    groups.set(key, group)
  }
  const found = [...groups.values()].sort((a, b) => b.endpoints.length - a.endpoints.length)
  // A service without pods has a slice all the same, so that it can be seen that it has none.
  return found.length > 0 ? found : [{ ports: [], endpoints: [] }]
}

/** Left out when the pod has no port of that name: it cannot serve it. */
function slicePort({ name, protocol = 'TCP', port, targetPort = port }: ServicePort, pod: Pod): SlicePorts {
  const number = typeof targetPort === 'number' ? targetPort : numberOfPort(pod, targetPort, protocol)
  return number === undefined ? [] : [{ name: name ?? '', protocol, port: number }]
}

function numberOfPort(pod: Pod, name: string, protocol: string): number | undefined {
  const ports = pod.spec.containers.flatMap(container => container.ports ?? [])
  return ports.find(port => port.name === name && (port.protocol ?? 'TCP') === protocol)?.containerPort
}

/** The conditions of KEP-1672: a pod that ends may still serve, but is not ready for anything new. */
function endpointOf(service: Service, pod: Pod, ip: string): Endpoint {
  const { namespace, name, uid, deletionTimestamp } = pod.metadata
  const serving = isPodReady(pod)
  const terminating = deletionTimestamp !== undefined
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating)
  return {
    addresses: [ip],
    conditions: { ready, serving, terminating },
    ...(pod.spec.nodeName !== undefined && { nodeName: pod.spec.nodeName }),
    targetRef: {
      kind: 'Pod',
      ...(namespace !== undefined && { namespace }),
      name,
      ...(uid !== undefined && { uid }),
    },
  }
}

function newSlice(service: Service, ports: SlicePorts, endpoints: Endpoint[]): EndpointSlice {
  const { name, namespace, labels } = service.metadata
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: '',
      generateName: `${name}-`,
      ...(namespace !== undefined && { namespace }),
      labels: { ...labels, [serviceNameLabel]: name, [managedByLabel]: manager },
      ownerReferences: [controllerReference(service)],
    },
    addressType: 'IPv4',
    endpoints,
    ports,
  }
}

function byName(a: { metadata: { name: string } }, b: { metadata: { name: string } }): number {
  return a.metadata.name < b.metadata.name ? -1 : 1
}
