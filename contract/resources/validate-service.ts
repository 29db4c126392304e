/** Rules of Services and EndpointSlices (core/v1 `ValidateService`, discovery/v1 `ValidateEndpointSlice`). */
import { isIPv4, isIPv6 } from 'node:net'
import { checkLabelName, checkPortName, checkSubdomainName } from './names.ts'
import { at, checkName, checkOneOf, checkRange, checkUnique, type Place, portRange, report } from './place.ts'
import type { EndpointSlice, Service, ServicePort, ServiceSpec } from './service.ts'
import { protocols } from './validate-container.ts'
import { validateLabels } from './validate-meta.ts'

const nodePortRange = { min: 30_000, max: 32_767 }
const affinityRange = { min: 1, max: 86_400 }
const maxEndpoints = 1000
const maxAddresses = 100
const maxSlicePorts = 100

export function validateService({ spec }: Service, whole: Place): void {
  const place = at(whole, 'spec')
  checkOneOf(at(place, 'type'), spec.type, ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'])
  validateLabels(spec.selector, at(place, 'selector'))
  validateAddress(spec, place)
  validateServicePorts(spec, place)
  checkOneOf(at(place, 'sessionAffinity'), spec.sessionAffinity, ['None', 'ClientIP'])
  const affinity = spec['sessionAffinityConfig'] as { clientIP?: { timeoutSeconds?: number } } | undefined
  const timeout = at(place, 'sessionAffinityConfig', 'clientIP', 'timeoutSeconds')
  checkRange(timeout, affinity?.clientIP?.timeoutSeconds, affinityRange)
  for (const policy of ['internalTrafficPolicy', 'externalTrafficPolicy']) {
    checkOneOf(at(place, policy), spec[policy] as string | undefined, ['Cluster', 'Local'])
  }
}

function validateAddress(spec: ServiceSpec, place: Place): void {
  const address = at(place, 'clusterIP')
  if (spec.type === 'ExternalName') {
    if (spec.clusterIP) report(address, 'must be left out with the type ExternalName')
    checkName(at(place, 'externalName'), spec.externalName || undefined, checkSubdomainName)
  } else if (spec.clusterIP === 'None') {
    if (spec.type !== 'ClusterIP') report(address, `must not be None with the type ${spec.type}: it needs an address`)
  } else if (spec.clusterIP && !isIPv4(spec.clusterIP)) {
    report(address, `must be an IPv4 address, None, or left out, not "${spec.clusterIP}"`)
  }
}

function validateServicePorts(spec: ServiceSpec, place: Place): void {
  const inside = at(place, 'ports')
  const { ports = [] } = spec
  const mayBeEmpty = spec.type === 'ExternalName' || spec.clusterIP === 'None'
  if (ports.length === 0 && !mayBeEmpty) report(inside, 'must hold at least one port')
  for (const [index, port] of ports.entries()) {
    validateServicePort(port, spec, at(inside, index))
    if (ports.length > 1 && !port.name) report(at(inside, index, 'name'), 'is required when there are several ports')
  }
  checkUnique(ports.map(({ name }, index) => ({ key: name || undefined, place: at(inside, index, 'name') })))
  checkUnique(
    ports.map(({ port, protocol }, index) => ({ key: `${port}/${protocol}`, place: at(inside, index, 'port') })),
  )
  checkUnique(
    ports.map(({ nodePort, protocol }, index) => ({
      key: nodePort ? `${nodePort}/${protocol}` : undefined,
      place: at(inside, index, 'nodePort'),
    })),
  )
}

function validateServicePort(port: ServicePort, { type }: ServiceSpec, place: Place): void {
  checkRange(at(place, 'port'), port.port, portRange)
  if (port.name) checkName(at(place, 'name'), port.name, checkLabelName)
  checkOneOf(at(place, 'protocol'), port.protocol, protocols)
  if (typeof port.targetPort === 'string') checkName(at(place, 'targetPort'), port.targetPort, checkPortName)
  // Equal by default, so that one mistake is told once.
  else if (port.targetPort !== port.port) checkRange(at(place, 'targetPort'), port.targetPort, portRange)
  if (!port.nodePort) return
  if (type !== 'NodePort' && type !== 'LoadBalancer') {
    report(at(place, 'nodePort'), `must be left out with the type ${type}: use the type NodePort`)
  }
  checkRange(at(place, 'nodePort'), port.nodePort, nodePortRange)
}

export function validateEndpointSlice(slice: EndpointSlice, place: Place): void {
  checkOneOf(at(place, 'addressType'), slice.addressType, ['IPv4', 'IPv6', 'FQDN'])
  const { endpoints, ports = [] } = slice
  if (endpoints.length > maxEndpoints)
    report(at(place, 'endpoints'), `hold ${endpoints.length}: use at most ${maxEndpoints}`)
  for (const [index, { addresses }] of endpoints.entries()) {
    const inside = at(place, 'endpoints', index, 'addresses')
    checkRange(inside, addresses.length, { min: 1, max: maxAddresses })
    for (const [number, address] of addresses.entries()) validateEndpoint(slice, address, at(inside, number))
  }
  if (ports.length > maxSlicePorts) report(at(place, 'ports'), `hold ${ports.length}: use at most ${maxSlicePorts}`)
  for (const [index, port] of ports.entries()) {
    checkOneOf(at(place, 'ports', index, 'protocol'), port.protocol, protocols)
    checkRange(at(place, 'ports', index, 'port'), port.port, portRange)
    if (port.name) checkName(at(place, 'ports', index, 'name'), port.name, checkLabelName)
  }
  checkUnique(ports.map(({ name }, index) => ({ key: name, place: at(place, 'ports', index, 'name') })))
}

function validateEndpoint({ addressType }: EndpointSlice, address: string, place: Place): void {
  const isRight = addressType === 'IPv6' ? isIPv6(address) : isIPv4(address)
  if (addressType === 'FQDN') checkName(place, address, checkSubdomainName)
  else if (!isRight) report(place, `must be an ${addressType} address, not "${address}"`)
}
