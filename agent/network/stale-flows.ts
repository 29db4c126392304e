/** Decides, purely, which translated UDP flows go where the services no longer send anybody. */
import type { ServiceRoute } from '../../contract/wire/fleet.ts'
import { cidrContains } from './cidr.ts'
import type { ServiceNetwork } from './network.ts'
import { type Element, isSlot } from './render-rules.ts'
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
  const clusterIPs = new Set(removed.filter(isClusterIPSlot).map(addressAndPort))
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

/** An endpoint of a UDP port: its key is `[address .] udp . port`. */
export function isUdpSlot(element: Element): boolean {
  return isSlot(element.map) && element.key.split(' . ').at(-2) === 'udp'
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

function isClusterIPSlot(element: Element): boolean {
  return isUdpSlot(element) && element.key.split(' . ').length === 3
}

function isNodePortSlot(element: Element): boolean {
  return isUdpSlot(element) && element.key.split(' . ').length === 2
}

function addressAndPort(element: Element): string {
  const [address, , port] = element.key.split(' . ')
  return `${address}:${port}`
}

function portOf(element: Element): number {
  return Number(element.key.split(' . ')[1])
}
