/** Renders the table that all nodes share: who has which pods' addresses, and which endpoints each service has. Pure. */
import type { Node } from '../../contract/resources/node.ts'
import type { EndpointSlice, Service, ServicePort } from '../../contract/resources/service.ts'
import type { EndpointRoute, NodeRoute, ServicePortRoute, ServiceRoute } from '../../contract/wire/fleet.ts'

/** Undefined for a node without an address or a share of the pod network: nobody can be routed there. */
export function renderNodeRoute({ metadata, spec, status }: Node): NodeRoute | undefined {
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
  if (address === undefined || spec.podCIDR === undefined) return undefined
  return { name: metadata.name, address, podCIDR: spec.podCIDR }
}

/** Undefined for a service that boards have nothing to do for: an ExternalName is a matter of DNS. */
export function renderServiceRoute(service: Service, slices: readonly EndpointSlice[]): ServiceRoute | undefined {
  const { metadata, spec } = service
  if (spec.type === 'ExternalName') return undefined
  const hasAddress = spec.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None'
  return {
    namespace: metadata.namespace ?? 'default',
    name: metadata.name,
    ...(hasAddress ? { clusterIP: spec.clusterIP as string } : {}),
    sessionAffinity: spec.sessionAffinity ?? 'None',
    ports: (spec.ports ?? []).map(port => renderPort(port, slices)),
  }
}

function renderPort(port: ServicePort, slices: readonly EndpointSlice[]): ServicePortRoute {
  const { name = '', protocol = 'TCP', nodePort } = port
  return {
    name,
    protocol,
    port: port.port,
    ...(nodePort ? { nodePort } : {}),
    endpoints: slices.flatMap(slice => endpointsOf(slice, name)).sort(byAddress),
  }
}

/** A slice's port belongs to the service's port of the same name (discovery/v1). */
function endpointsOf({ endpoints, ports = [] }: EndpointSlice, portName: string): EndpointRoute[] {
  const number = ports.find(({ name = '' }) => name === portName)?.port
  if (number === undefined) return []
  const open = endpoints.filter(({ conditions }) => conditions?.ready !== false && !conditions?.terminating)
  return open.flatMap(({ addresses, nodeName = '' }) => addresses.map(ip => ({ ip, port: number, node: nodeName })))
}

/** In a fixed order, so that equal tables have equal hashes. */
function byAddress(a: EndpointRoute, b: EndpointRoute): number {
  return a.ip === b.ip ? a.port - b.port : a.ip < b.ip ? -1 : 1
}
