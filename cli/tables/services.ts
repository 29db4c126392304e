/** Services. */
import type { Service, ServicePort } from '../../contract/resources/service.ts'
import { ageColumn, formatLabels, nameColumn } from './common.ts'
import { type Column, none, orNone } from './table-kind.ts'

export const serviceColumns: Column<Service>[] = [
  nameColumn(),
  { title: 'TYPE', cell: service => service.spec.type ?? 'ClusterIP' },
  { title: 'CLUSTER-IP', cell: service => orNone(service.spec.clusterIP) },
  { title: 'EXTERNAL-IP', cell: externalAddress },
  { title: 'PORT(S)', cell: service => orNone((service.spec.ports ?? []).map(formatPort).join(',')) },
  ageColumn(),
  { title: 'SELECTOR', wide: true, cuttable: true, cell: service => formatLabels(service.spec.selector) },
]

function externalAddress({ spec, status }: Service): string {
  if (spec.type === 'ExternalName') return orNone(spec.externalName)
  const given = Array.isArray(spec['externalIPs']) ? spec['externalIPs'].map(String) : []
  const ingress = (status?.loadBalancer?.ingress ?? []).map(entry => entry.ip ?? entry.hostname ?? '')
  const all = [...ingress, ...given].join(',')
  if (all !== '') return all
  return spec.type === 'LoadBalancer' ? '<pending>' : none
}

/** `80/TCP`, or `80:30080/TCP` with a node port. */
function formatPort({ port, nodePort, protocol = 'TCP' }: ServicePort): string {
  return nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`
}
