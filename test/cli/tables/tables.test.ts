import test from 'ava'
import type { CellContext } from '../../../cli/tables/table-kind.ts'
import { cellsOf, columnsOf, titlesOf } from '../../../cli/tables/tables.ts'
import { kinds } from '../../../contract/resources/kinds.ts'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import type { NodeMetrics } from '../../../contract/resources/node.ts'

const metrics = {
  usage: { cpu: '500m', memory: '512Mi', 'flotilla.dev/temperature': '48.6' },
} as unknown as NodeMetrics
const context: CellContext = { nowMs: Date.parse('2026-01-01T01:00:00Z'), usage: new Map([['board-1', metrics]]) }

function row(kindName: string, object: object, wide = false): Record<string, string> {
  const kind = kinds.find(candidate => candidate.kind === kindName)!
  const columns = columnsOf(kind, { wide, showLabels: false, withNamespace: false, withKind: false })
  const metadata = { name: 'board-1', creationTimestamp: '2026-01-01T00:00:00Z' }
  const cells = cellsOf(columns, { apiVersion: 'v1', kind: kindName, metadata, ...object } as AnyObject, context)
  return Object.fromEntries(titlesOf(columns).map((title, index) => [title, cells[index] ?? '']))
}

const cases: Array<[kind: string, object: object, cells: Record<string, string>]> = [
  [
    'Node',
    { spec: {}, status: { conditions: [{ type: 'Ready', status: 'True' }], capacity: { cpu: '2', memory: '1Gi' } } },
    { STATUS: 'Ready', 'CPU%': '25%', 'MEMORY%': '50%', TEMP: '49°C', AGE: '60m' },
  ],
  [
    'Node',
    { spec: { unschedulable: true }, status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } },
    { STATUS: 'NotReady,SchedulingDisabled', 'CPU%': '<none>' },
  ],
  ['Node', { spec: {} }, { STATUS: 'Unknown', ROLES: '<none>', VERSION: '<none>' }],
  [
    'Service',
    {
      spec: {
        type: 'NodePort',
        clusterIP: '10.96.0.9',
        ports: [
          { port: 80, nodePort: 30080 },
          { port: 53, protocol: 'UDP' },
        ],
      },
    },
    { TYPE: 'NodePort', 'CLUSTER-IP': '10.96.0.9', 'EXTERNAL-IP': '<none>', 'PORT(S)': '80:30080/TCP,53/UDP' },
  ],
  [
    'Service',
    { spec: { type: 'ExternalName', externalName: 'example.com' } },
    { 'CLUSTER-IP': '<none>', 'EXTERNAL-IP': 'example.com', 'PORT(S)': '<none>' },
  ],
  [
    'Service',
    { spec: { type: 'LoadBalancer', selector: { b: '2', a: '1' } } },
    { 'EXTERNAL-IP': '<pending>', SELECTOR: 'a=1,b=2' },
  ],
  [
    'Deployment',
    {
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: 'web' } },
        template: {
          spec: {
            containers: [
              { name: 'a', image: 'x:1' },
              { name: 'b', image: 'y' },
            ],
          },
        },
      },
      status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 2 },
    },
    { READY: '2/3', 'UP-TO-DATE': '3', AVAILABLE: '2', CONTAINERS: 'a,b', IMAGES: 'x:1,y', SELECTOR: 'app=web' },
  ],
  [
    'ReplicaSet',
    {
      spec: {
        replicas: 0,
        selector: {
          matchExpressions: [
            { key: 'a', operator: 'Exists' },
            { key: 'b', operator: 'NotIn', values: ['c'] },
          ],
        },
        template: { spec: { containers: [] } },
      },
    },
    { DESIRED: '0', CURRENT: '0', READY: '0', SELECTOR: 'a,b notin (c)' },
  ],
  ['ConfigMap', { data: { a: '1', b: '2' }, binaryData: { c: '' } }, { DATA: '3' }],
  ['Namespace', { status: { phase: 'Terminating' } }, { STATUS: 'Terminating' }],
  [
    'EndpointSlice',
    {
      addressType: 'IPv4',
      ports: [{ port: 80 }],
      endpoints: [1, 2, 3, 4, 5].map(host => ({ addresses: [`10.0.0.${host}`] })),
    },
    { PORTS: '80', ENDPOINTS: '10.0.0.1,10.0.0.2,10.0.0.3 + 2 more...' },
  ],
  [
    'Event',
    {
      type: 'Warning',
      reason: 'BackOff',
      message: 'x',
      involvedObject: { kind: 'Pod', name: 'web-1' },
      lastTimestamp: '2026-01-01T00:59:00Z',
      count: 4,
    },
    { 'LAST SEEN': '60s', OBJECT: 'pod/web-1', COUNT: '4', SOURCE: '<none>' },
  ],
  ['NodeMetrics', { ...metrics }, { 'CPU(cores)': '500m', MEMORY: '512Mi', TEMP: '49°C' }],
]

for (const [index, [kind, object, cells]] of cases.entries())
  test(`a row of ${kind}, case ${index}`, t => {
    t.like(row(kind, object, true), cells)
  })

test('an object that lacks everything still has a row', t => {
  for (const kind of kinds) {
    const cells = row(kind.kind, {}, true)
    t.true(Object.values(cells).length > 0, kind.kind)
  }
})

test('the narrow table leaves out what is wide', t => {
  t.deepEqual(Object.keys(row('Pod', { spec: { containers: [] } })), ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE'])
})
