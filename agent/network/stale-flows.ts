/** Decides, purely, which translated UDP flows go where the services no longer send anybody. */
import type { ServiceRoute } from '../../contract/wire/fleet.ts'
import { cidrContains } from './cidr.ts'
import type { ServiceNetwork } from './network.ts'
import type { Element } from './render-rules.ts'
import type { UdpFlow } from './udp-flows.ts'

export interface StaleFlowsInput {
  services: ServiceRoute[]
  network: ServiceNetwork | undefined
  /** What the last change took out of the table. */
  removed: Element[]
}

/** Flows that other programs translate (a container engine's published ports) are never stale. */
export function pickStaleFlows({ services, network, removed }: StaleFlowsInput): (flow: UdpFlow) => boolean {
  const wanted = new Set(services.flatMap(wantedFlows))
  const clusterIPs = new Set(removed.filter(element => element.map === 'cluster_ip_slots').map(addressAndPort))
  const nodePorts = new Set([...removed.filter(isNodePortSlot).map(portOf), ...services.flatMap(udpNodePorts)])
  return flow => {
    const sentTo = `${flow.service}:${flow.servicePort}`
    const goesTo = `${flow.endpoint}:${flow.endpointPort}`
    const isService =
      clusterIPs.has(sentTo) || (network !== undefined && cidrContains(network.serviceCIDR, flow.service))
    if (isService) return !wanted.has(`${sentTo} ${goesTo}`)
    return nodePorts.has(flow.servicePort) && !wanted.has(`:${flow.servicePort} ${goesTo}`)
  }
}

export function hasUdp(service: ServiceRoute): boolean {
  return service.ports.some(port => port.protocol === 'UDP')
}

/** A slot of a UDP port: `[address .] udp . port . slot`. */
export function isUdpSlot(element: Element): boolean {
  return element.map.endsWith('_slots') && element.key.split(' . ').at(-3) === 'udp'
}

function wantedFlows(service: ServiceRoute): string[] {
  return service.ports
    .filter(port => port.protocol === 'UDP')
    .flatMap(port =>
      port.endpoints.flatMap(to => [
        `${service.clusterIP}:${port.port} ${to.ip}:${to.port}`,
        `:${port.nodePort} ${to.ip}:${to.port}`,
      ]),
    )
}

function udpNodePorts(service: ServiceRoute): number[] {
  return service.ports.flatMap(port => (port.protocol === 'UDP' && port.nodePort !== undefined ? [port.nodePort] : []))
}

function isNodePortSlot(element: Element): boolean {
  return element.map === 'node_port_slots'
}

function addressAndPort(element: Element): string {
  const [address, , port] = element.key.split(' . ')
  return `${address}:${port}`
}

function portOf(element: Element): number {
  return Number(element.key.split(' . ')[1])
}
