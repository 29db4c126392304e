/** Renders one Service as elements of our nftables table, purely; what is not a plain IPv4 address or port never gets into the text. */
import { isIPv4 } from 'node:net'
import type { EndpointRoute, ServicePortRoute, ServiceRoute } from '../../contract/wire/fleet.ts'
import { cidrContains } from './cidr.ts'
import type { ServiceNetwork } from './network.ts'
import { balancerName, type Door, type Element, slotName } from './render-rules.ts'

/** Kubernetes' own limit of one Endpoints object. */
const maxEndpointsPerPort = 1000

const protocols: Record<string, string> = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' }

export function renderService(service: ServiceRoute, network: ServiceNetwork | undefined): Element[] {
  const sticky = service.sessionAffinity === 'ClientIP'
  const elements = service.ports.flatMap(port => {
    const protocol = protocols[port.protocol]
    if (protocol === undefined) return []
    const endpoints = usable(port.endpoints)
    return [
      ...renderClusterIP({ address: service.clusterIP, protocol, port, endpoints, sticky }),
      ...renderNodePort({ protocol, port, endpoints, sticky }),
      ...renderHairpins(endpoints, network),
    ]
  })
  return firstOfEachKey(elements)
}

interface PortElements {
  address?: string | undefined
  protocol: string
  port: ServicePortRoute
  endpoints: EndpointRoute[]
  sticky: boolean
}

function renderClusterIP({ address, protocol, port, endpoints, sticky }: PortElements): Element[] {
  if (address === undefined || !isIPv4(address) || !isPort(port.port) || endpoints.length === 0) return []
  const key = `${address} . ${protocol} . ${port.port}`
  const balancer = balancerName('clusterIP', { sticky, endpoints: endpoints.length })
  return [{ map: 'cluster_ips', key, value: `goto ${balancer}` }, ...renderSlots('clusterIP', key, endpoints)]
}

function renderNodePort({ protocol, port, endpoints, sticky }: PortElements): Element[] {
  if (port.nodePort === undefined || !isPort(port.nodePort)) return []
  const key = `${protocol} . ${port.nodePort}`
  if (endpoints.length === 0) return [{ map: 'closed_node_ports', key, value: '' }]
  const balancer = balancerName('nodePort', { sticky, endpoints: endpoints.length })
  return [{ map: 'node_ports', key, value: `goto ${balancer}` }, ...renderSlots('nodePort', key, endpoints)]
}

/** Slots are dense, 0 to N-1: the balancer draws any of them. */
function renderSlots(door: Door, key: string, endpoints: EndpointRoute[]): Element[] {
  return endpoints.map((to, index) => ({ map: slotName(door, index), key, value: `${to.ip} . ${to.port}` }))
}

/** Only this board's own pods can meet themselves here. */
function renderHairpins(endpoints: EndpointRoute[], network: ServiceNetwork | undefined): Element[] {
  if (!network) return []
  return endpoints
    .filter(to => cidrContains(network.podCIDR, to.ip))
    .map(to => ({ map: 'hairpins', key: `${to.ip} . ${to.ip}`, value: '' }))
}

function usable(endpoints: EndpointRoute[]): EndpointRoute[] {
  const valid = endpoints.filter(to => isIPv4(to.ip) && isPort(to.port))
  const distinct = new Map(valid.map(to => [`${to.ip}:${to.port}`, to]))
  return [...distinct.values()].slice(0, maxEndpointsPerPort)
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535
}

function firstOfEachKey(elements: Element[]): Element[] {
  const byKey = new Map<string, Element>()
  for (const element of elements) {
    const id = `${element.map} ${element.key}`
    if (!byKey.has(id)) byKey.set(id, element)
  }
  return [...byKey.values()]
}
