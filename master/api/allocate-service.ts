/** Gives a service its cluster address and its node ports, or says why it cannot have those that it asks for. */
import type { Service, ServicePort } from '../../contract/resources/service.ts'
import { CodedError, type Problem } from '../../kit/errors.ts'
import { isMap } from './merge-patch.ts'
import { invalid, knownKind } from './refusals.ts'
import { nodePortKey, type Reservation, type ServiceAddresses } from './service-addresses.ts'

export interface Allocation {
  service: Service
  reservation: Reservation
}

/** `current`: what the service was before this write. Rejects with `Invalid`; then nothing stays reserved. */
export async function allocateService(
  addresses: ServiceAddresses,
  service: Service,
  current: Service | undefined,
): Promise<Allocation> {
  const reservation = await addresses.reserve(current?.metadata.uid)
  try {
    const problems: Problem[] = []
    const work: Work = { addresses, reservation, problems, current: current?.spec }
    const spec = allocatePorts(work, allocateClusterIP(work, service.spec))
    if (problems.length > 0) throw invalid(knownKind('v1', 'Service'), service.metadata.name, problems)
    return { service: { ...service, spec }, reservation }
  } catch (error) {
    reservation.release()
    throw error
  }
}

/**
 * A service that changes its type gives back what it had for the old one, also where the writer sends it along because it
 * was there (an apply, a patch). What is new and does not fit is left for validation to refuse.
 */
export function dropTypeFields<T extends Service>(service: T, current: Service): T {
  if (!isMap(service.spec)) return service
  const { clusterIP, clusterIPs, ...rest } = service.spec
  const leaving = rest.type === 'ExternalName' && clusterIP === current.spec.clusterIP
  const spec = leaving ? rest : service.spec
  if (!hasNodePorts(current.spec) || hasNodePorts(spec) || !Array.isArray(spec.ports)) return { ...service, spec }
  const ports = spec.ports.map(port => withoutNodePort(port, current.spec.ports ?? []))
  return { ...service, spec: { ...spec, ports } }
}

type Spec = Service['spec']

function hasNodePorts({ type }: Spec): boolean {
  return type === 'NodePort' || type === 'LoadBalancer'
}

function withoutNodePort(port: ServicePort, had: ServicePort[]): ServicePort {
  if (!isMap(port) || !had.some(before => before.nodePort === port.nodePort)) return port
  const { nodePort: _given, ...rest } = port
  return rest
}

interface Work {
  addresses: ServiceAddresses
  reservation: Reservation
  problems: Problem[]
  current: Spec | undefined
}

function allocateClusterIP(work: Work, spec: Spec): Spec {
  if (spec.type === 'ExternalName') {
    const { clusterIP: _address, clusterIPs: _addresses, ...rest } = spec
    return rest
  }
  const kept = work.current?.type === 'ExternalName' ? undefined : work.current?.clusterIP
  const asked = spec.clusterIP || spec.clusterIPs?.[0] || undefined
  const clusterIP = kept ?? takeClusterIP(work, asked)
  return { ...spec, clusterIP, clusterIPs: [clusterIP] }
}

function takeClusterIP(work: Work, asked: string | undefined): string {
  if (asked === 'None') return asked
  if (asked === undefined) {
    const address = work.reservation.takeAny('clusterIP')
    if (address) return address
    throw new CodedError('ServiceUnavailable', `cannot allocate a cluster IP: because ${work.addresses.cidr} is full`)
  }
  if (!work.addresses.contains(asked)) {
    const why = `the provided IP is not in the valid range. The range of valid IPs is ${work.addresses.cidr}`
    refuse(work, 'spec.clusterIPs', `Invalid value: ["${asked}"]: failed to allocate IP ${asked}: ${why}`)
  } else if (!work.reservation.take(asked)) {
    const why = 'provided IP is already allocated'
    refuse(work, 'spec.clusterIPs', `Invalid value: ["${asked}"]: failed to allocate IP ${asked}: ${why}`)
  }
  return asked
}

function allocatePorts(work: Work, spec: Spec): Spec {
  if (!spec.ports) return spec
  if (!hasNodePorts(spec)) return spec
  return { ...spec, ports: spec.ports.map((port, index) => takeNodePort(work, port, index)) }
}

function takeNodePort(work: Work, port: ServicePort, index: number): ServicePort {
  const { reservation } = work
  const nodePort = port.nodePort ?? samePort(work, port)?.nodePort
  if (nodePort) {
    // Whether it is in the range at all, validation has checked.
    if (!reservation.take(nodePortKey(nodePort)))
      refuse(work, `spec.ports[${index}].nodePort`, `Invalid value: ${nodePort}: provided port is already allocated`)
    return { ...port, nodePort }
  }
  const taken = reservation.takeAny('nodePort')
  if (!taken) throw new CodedError('ServiceUnavailable', 'cannot allocate a node port: because all are taken')
  return { ...port, nodePort: Number(taken.slice(1)) }
}

function samePort({ current }: Work, port: ServicePort): ServicePort | undefined {
  const protocol = port.protocol ?? 'TCP'
  return current?.ports?.find(before => before.port === port.port && (before.protocol ?? 'TCP') === protocol)
}

function refuse(work: Work, path: string, message: string): void {
  work.problems.push({ path, message })
}
