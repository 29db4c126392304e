import test from 'ava'
import type { Endpoint, EndpointSlice, Service, ServiceSpec } from '../../../contract/resources/service.ts'
import { renderNodeRoute, renderServiceRoute } from '../../../master/fleet/render-network.ts'
import { makeNode } from './rig.ts'

function makeService(spec: Partial<ServiceSpec> = {}): Service {
  const metadata = { name: 'web', namespace: 'shop', uid: 'u' }
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { clusterIP: '10.96.0.9', ports: [{ port: 80 }], ...spec },
  }
}

function makeSlice(endpoints: Endpoint[], ports: EndpointSlice['ports'] = [{ port: 8080 }]): EndpointSlice {
  const metadata = { name: 'web-1', namespace: 'shop' }
  return { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, addressType: 'IPv4', endpoints, ports }
}

function at(ip: string, conditions?: Endpoint['conditions']): Endpoint {
  return { addresses: [ip], nodeName: 'board-1', ...(conditions && { conditions }) }
}

test('a node is a route once it has an address and a share of the pod network', t => {
  const route = { name: 'board-1', address: '10.77.0.11', podCIDR: '10.244.1.0/24' }
  t.deepEqual(renderNodeRoute(makeNode('board-1', '10.244.1.0/24')), route)
  t.is(renderNodeRoute(makeNode('board-1')), undefined)
  const addresses = [{ type: 'Hostname' as const, address: 'board-1' }]
  t.is(renderNodeRoute({ ...makeNode('board-1', '10.244.1.0/24'), status: { addresses } }), undefined)
})

test('a service is told with its address, its ports and who answers', t => {
  const ports = [
    { name: 'http', port: 80, nodePort: 30080, targetPort: 'web' },
    { name: 'dns', port: 53, protocol: 'UDP' as const },
  ]
  const slice = makeSlice(
    [at('10.244.1.2')],
    [
      { name: 'http', port: 8080 },
      { name: 'dns', port: 5353, protocol: 'UDP' },
    ],
  )
  t.deepEqual(renderServiceRoute(makeService({ ports, sessionAffinity: 'ClientIP' }), [slice]), {
    namespace: 'shop',
    name: 'web',
    clusterIP: '10.96.0.9',
    sessionAffinity: 'ClientIP',
    ports: [
      {
        name: 'http',
        protocol: 'TCP',
        port: 80,
        nodePort: 30080,
        endpoints: [{ ip: '10.244.1.2', port: 8080, node: 'board-1' }],
      },
      { name: 'dns', protocol: 'UDP', port: 53, endpoints: [{ ip: '10.244.1.2', port: 5353, node: 'board-1' }] },
    ],
  })
})

const answering: Array<[title: string, slices: EndpointSlice[], addresses: string[]]> = [
  ['without a slice nobody answers', [], []],
  ['an endpoint that says nothing of itself is ready', [makeSlice([at('10.0.0.1')])], ['10.0.0.1']],
  [
    'one that is not ready gets no new connection',
    [makeSlice([at('10.0.0.1', { ready: false }), at('10.0.0.2')])],
    ['10.0.0.2'],
  ],
  ['nor does one that ends', [makeSlice([at('10.0.0.1', { ready: true, terminating: true })])], []],
  [
    'several slices are one list, in order',
    [makeSlice([at('10.0.0.3')]), makeSlice([at('10.0.0.2'), at('10.0.0.1')])],
    ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  ],
  [
    'a slice for another port has nothing for this one',
    [makeSlice([at('10.0.0.1')], [{ name: 'metrics', port: 9 }])],
    [],
  ],
  ['a slice without a port number has nothing', [makeSlice([at('10.0.0.1')], [{}])], []],
]

for (const [title, slices, addresses] of answering) {
  test(title, t => {
    const endpoints = renderServiceRoute(makeService(), slices)?.ports[0]?.endpoints ?? []
    t.deepEqual(
      endpoints.map(({ ip }) => ip),
      addresses,
    )
  })
}

test('a headless service has no address, one by another name has no route', t => {
  t.false('clusterIP' in renderServiceRoute(makeService({ clusterIP: 'None' }), [])!)
  t.false('clusterIP' in renderServiceRoute(makeService({ clusterIP: '' }), [])!)
  t.is(renderServiceRoute(makeService({ type: 'ExternalName', externalName: 'example.org' }), []), undefined)
})

test('equal tables are equal text, whatever order the slices come in', t => {
  const slices = [makeSlice([at('10.0.0.2'), at('10.0.0.10')]), makeSlice([at('10.0.0.1')])]
  const [there, back] = [slices, slices.toReversed()].map(some =>
    JSON.stringify(renderServiceRoute(makeService(), some)),
  )
  t.is(there, back)
})
