/** The small kinds: Namespace, ConfigMap, Secret, ServiceAccount, EndpointSlice, NodeMetrics. */
import type { ConfigMap, Namespace, Secret, ServiceAccount } from '../../contract/resources/core.ts'
import type { NodeMetrics } from '../../contract/resources/node.ts'
import type { EndpointSlice } from '../../contract/resources/service.ts'
import { ageColumn, nameColumn } from './common.ts'
import { formatTemperature } from './nodes.ts'
import { type Column, orNone } from './table-kind.ts'

/** As many of a list as a table shows; `describe` and `-o yaml` show all. */
const maxShown = 3

export const namespaceColumns: Column<Namespace>[] = [
  nameColumn(),
  { title: 'STATUS', cell: ({ status }) => status?.phase ?? 'Active' },
  ageColumn(),
]

export const configMapColumns: Column<ConfigMap>[] = [
  nameColumn(),
  {
    title: 'DATA',
    cell: ({ data = {}, binaryData = {} }) => String(Object.keys(data).length + Object.keys(binaryData).length),
  },
  ageColumn(),
]

export const secretColumns: Column<Secret>[] = [
  nameColumn(),
  { title: 'TYPE', cell: ({ type }) => orNone(type) },
  { title: 'DATA', cell: ({ data = {} }) => String(Object.keys(data).length) },
  ageColumn(),
]

export const serviceAccountColumns: Column<ServiceAccount>[] = [
  nameColumn(),
  // Kubernetes keeps no tokens in secrets any more either (since 1.24), and shows the column all the same.
  { title: 'SECRETS', cell: () => '0' },
  ageColumn(),
]

export const endpointSliceColumns: Column<EndpointSlice>[] = [
  nameColumn(),
  { title: 'ADDRESSTYPE', cell: ({ addressType }) => addressType },
  { title: 'PORTS', cell: ({ ports = [] }) => someOf(ports.map(port => String(port.port ?? '*'))) },
  { title: 'ENDPOINTS', cell: ({ endpoints = [] }) => someOf(endpoints.flatMap(endpoint => endpoint.addresses)) },
  ageColumn(),
]

export const nodeMetricsColumns: Column<NodeMetrics>[] = [
  nameColumn(),
  { title: 'CPU(cores)', cell: ({ usage }) => orNone(usage['cpu']) },
  { title: 'MEMORY', cell: ({ usage }) => orNone(usage['memory']) },
  { title: 'TEMP', cell: metrics => formatTemperature(metrics) },
]

/** `a,b,c + 2 more...`. */
function someOf(values: string[]): string {
  if (values.length === 0) return '<unset>'
  const more = values.length - maxShown
  return more > 0 ? `${values.slice(0, maxShown).join(',')} + ${more} more...` : values.join(',')
}
