/** A service: its addresses, and which endpoints answer behind each port. */
import type { EndpointSlice, Service } from '../../contract/resources/service.ts'
import { headOf, pairsOf } from './common.ts'
import type { Field } from './page.ts'

export function describeService(service: Service, slices: EndpointSlice[]): Field[] {
  const { spec } = service
  return [
    ...headOf(service),
    ['Selector', pairsOf(spec.selector)],
    ['Type', spec.type ?? 'ClusterIP'],
    ['IP', spec.clusterIP ?? '<none>'],
    ['External Name', spec.externalName],
    [
      'Ports',
      (spec.ports ?? []).map((port): Field => {
        const { name = '<unnamed>', protocol = 'TCP' } = port
        const fields: Field[] = [
          ['Port', `${port.port}/${protocol}`],
          ['TargetPort', String(port.targetPort ?? port.port)],
          ['NodePort', port.nodePort ? `${port.nodePort}/${protocol}` : undefined],
          ['Endpoints', endpointsOf(slices, { name: port.name ?? '', ready: true })],
          ['Not Ready', notEmpty(endpointsOf(slices, { name: port.name ?? '', ready: false }))],
        ]
        return [name, fields]
      }),
    ],
    ['Session Affinity', spec.sessionAffinity ?? 'None'],
  ]
}

/** `10.244.1.5:8080 on board-1`, one a line. */
function endpointsOf(slices: EndpointSlice[], wanted: { name: string; ready: boolean }): string[] {
  return slices.flatMap(({ ports = [], endpoints = [] }) => {
    const port = ports.find(candidate => (candidate.name ?? '') === wanted.name)?.port
    if (port === undefined) return []
    const chosen = endpoints.filter(endpoint => (endpoint.conditions?.ready ?? true) === wanted.ready)
    return chosen.flatMap(({ addresses, nodeName }) =>
      addresses.map(address => `${address}:${port}${nodeName ? ` on ${nodeName}` : ''}`),
    )
  })
}

function notEmpty(values: string[]): string[] | undefined {
  return values.length === 0 ? undefined : values
}
