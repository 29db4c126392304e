import test from 'ava'
import { applyDefaults } from '../../../contract/resources/defaults.ts'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import { validateObject } from '../../../contract/resources/validate.ts'
import { configMap, deployment, node, pod, service, template } from './objects.ts'

type Case = [what: string, object: AnyObject, problem: string | RegExp]

const named = (object: AnyObject, metadata: Record<string, unknown>): AnyObject => ({
  ...object,
  metadata: metadata as unknown as AnyObject['metadata'],
})
const slice = (fields: Record<string, unknown>): AnyObject => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-1' },
  addressType: 'IPv4',
  endpoints: [],
  ...fields,
})
const externalName = (spec: Record<string, unknown>): AnyObject => ({
  ...service(),
  spec: { type: 'ExternalName', ...spec },
})
const strategy = (rollingUpdate: Record<string, unknown>): AnyObject => deployment({ strategy: { rollingUpdate } })

const right: AnyObject[] = [
  deployment(),
  deployment({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '50%' } } }),
  deployment({ selector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'x'] }] } }),
  named(deployment(), { generateName: 'web-' }),
  service(),
  service({ type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] }),
  service({
    ports: [
      { name: 'a', port: 53 },
      { name: 'b', port: 53, protocol: 'UDP', targetPort: 'dns' },
    ],
  }),
  service({ clusterIP: 'None', ports: [] }),
  service({ clusterIP: '10.96.0.10' }),
  externalName({ externalName: 'example.com' }),
  configMap({ data: { 'app.conf': 'x' }, binaryData: { key: 'aGk=' } }),
  node({
    podCIDR: '10.244.1.0/24',
    taints: [
      { key: 'a', effect: 'NoSchedule' },
      { key: 'a', effect: 'NoExecute' },
    ],
  }),
  slice({
    endpoints: [{ addresses: ['10.244.1.2'] }],
    ports: [
      { name: 'a', port: 80 },
      { name: 'b', port: 81 },
    ],
  }),
]

test('right objects have no problems', t => {
  for (const object of right) t.deepEqual(validateObject(applyDefaults(object)), [], JSON.stringify(object))
})

const metadata: Case[] = [
  ['an object without a name', named(pod(), {}), 'metadata.name: is required'],
  [
    'a name that is not DNS',
    named(pod(), { name: 'My_Pod' }),
    /^metadata\.name: "My_Pod" is not allowed: use lower-case/,
  ],
  [
    'a service whose name begins with a digit',
    named(service(), { name: '1web' }),
    /^metadata\.name: "1web" is not allowed/,
  ],
  ['a node with a dot in its name', named(node(), { name: 'board.lan' }), /^metadata\.name: "board\.lan"/],
  ['a bad namespace', named(pod(), { name: 'a', namespace: 'A' }), /^metadata\.namespace: "A" is not allowed/],
  [
    'a namespace where none belongs',
    named(node(), { name: 'a', namespace: 'b' }),
    'metadata.namespace: must be left out: a Node belongs to the whole cluster',
  ],
  [
    'a bad label key',
    named(pod(), { name: 'a', labels: { 'a b': 'c' } }),
    /^metadata\.labels\["a b"\]: "a b" is not allowed/,
  ],
  [
    'a bad label value',
    named(pod(), { name: 'a', labels: { a: 'b c' } }),
    /^metadata\.labels\.a: "b c" is not allowed/,
  ],
  ['a bad annotation', named(pod(), { name: 'a', annotations: { 'a/b/c': '' } }), /has more than one "\/"/],
  [
    'too long annotations',
    named(pod(), { name: 'a', annotations: { a: 'x'.repeat(262_144) } }),
    'metadata.annotations: hold 262145 bytes: use at most 262144',
  ],
  ['a bad prefix to generate from', named(pod(), { generateName: '-a' }), /^metadata\.generateName/],
  [
    'two controllers',
    named(pod(), {
      name: 'a',
      ownerReferences: ['b', 'c'].map(name => ({ apiVersion: 'v1', kind: 'Pod', name, uid: name, controller: true })),
    }),
    /2 controllers/,
  ],
  [
    'an owner without uid',
    named(pod(), { name: 'a', ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'b', uid: '' }] }),
    'metadata.ownerReferences[0].uid: is required',
  ],
  [
    'an unknown kind',
    { apiVersion: 'v1', kind: 'Deployment', metadata: { name: 'a' } },
    'kind: unknown kind Deployment in v1',
  ],
]

const workloads: Case[] = [
  ['fewer replicas than none', deployment({ replicas: -1 }), 'spec.replicas: must be at least 0, not -1'],
  [
    'a selector of everything',
    deployment({ selector: {} }),
    'spec.selector: must not be empty: it would select every pod',
  ],
  [
    'a template that is not selected',
    deployment({ selector: { matchLabels: { app: 'db' } } }),
    'spec.template.metadata.labels: must match the selector {"matchLabels":{"app":"db"}}',
  ],
  [
    'a selector with an unknown operator',
    deployment({
      selector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'app', operator: 'Is', values: ['web'] }] },
    }),
    /^spec\.selector\.matchExpressions\[0\]\.operator: must be one of In, NotIn/,
  ],
  [
    'In without values',
    deployment({ selector: { matchExpressions: [{ key: 'app', operator: 'In' }] } }),
    /values: is required with the operator In/,
  ],
  [
    'pods that are not restarted',
    deployment({ template: template({ restartPolicy: 'Never' }) }),
    'spec.template.spec.restartPolicy: must be Always: these pods are kept running',
  ],
  [
    'pods that end by themselves',
    deployment({ template: template({ activeDeadlineSeconds: 5 }) }),
    /activeDeadlineSeconds: must be left out/,
  ],
  [
    'a bad container in a template',
    deployment({ template: template({ containers: [{ name: 'a', image: '' }] }) }),
    /^spec\.template\.spec\.containers\[0\]\.image: is required/,
  ],
  [
    'a template without spec',
    deployment({ template: { metadata: { labels: { app: 'web' } } } }),
    'spec.template.spec: is required',
  ],
  [
    'an unknown strategy',
    deployment({ strategy: { type: 'Rolling' } }),
    /^spec\.strategy\.type: must be one of RollingUpdate, Recreate/,
  ],
  [
    'shares of Recreate',
    deployment({ strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } }),
    /must be left out with the type Recreate/,
  ],
  ['a rollout that cannot move', strategy({ maxSurge: 0, maxUnavailable: '0%' }), /must not be 0 when maxSurge is 0/],
  ['more than all unavailable', strategy({ maxUnavailable: '101%' }), /must not be more than 100%/],
  [
    'a share that is none',
    strategy({ maxSurge: 'many' }),
    /must be a number of pods or a share such as "25%", not "many"/,
  ],
  ['a negative share', strategy({ maxSurge: -1 }), 'spec.strategy.rollingUpdate.maxSurge: must be at least 0, not -1'],
  [
    'a deadline before a pod counts',
    deployment({ minReadySeconds: 600 }),
    'spec.progressDeadlineSeconds: must be at least 601, not 600',
  ],
  [
    'a ReplicaSet of nothing',
    { ...deployment({ selector: {} }), kind: 'ReplicaSet' },
    /^spec\.selector: must not be empty/,
  ],
  [
    'a Deployment without spec',
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' } },
    'spec: is required',
  ],
]

const services: Case[] = [
  ['a service without ports', service({ ports: [] }), 'spec.ports: must hold at least one port'],
  [
    'a port out of range',
    service({ ports: [{ port: 70_000 }] }),
    'spec.ports[0].port: must be between 1 and 65535, not 70000',
  ],
  [
    'a target out of range',
    service({ ports: [{ port: 80, targetPort: 0 }] }),
    /^spec\.ports\[0\]\.targetPort: must be between/,
  ],
  [
    'a target that no port is called',
    service({ ports: [{ port: 80, targetPort: 'http_port' }] }),
    /^spec\.ports\[0\]\.targetPort: "http_port" is not a port name/,
  ],
  [
    'several ports without names',
    service({ ports: [{ port: 80, name: 'a' }, { port: 81 }] }),
    'spec.ports[1].name: is required when there are several ports',
  ],
  [
    'one port twice',
    service({
      ports: [
        { port: 80, name: 'a' },
        { port: 80, name: 'b' },
      ],
    }),
    /^spec\.ports\[1\]\.port: repeats .* \(80\/TCP\)/,
  ],
  [
    'a node port out of range',
    service({ type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }),
    'spec.ports[0].nodePort: must be between 30000 and 32767, not 80',
  ],
  [
    'a node port of a ClusterIP',
    service({ ports: [{ port: 80, nodePort: 30_080 }] }),
    'spec.ports[0].nodePort: must be left out with the type ClusterIP: use the type NodePort',
  ],
  [
    'one node port twice',
    service({
      type: 'NodePort',
      ports: [
        { name: 'a', port: 80, nodePort: 30_080 },
        { name: 'b', port: 81, nodePort: 30_080 },
      ],
    }),
    /^spec\.ports\[1\]\.nodePort: repeats/,
  ],
  ['an unknown type', service({ type: 'Nodeport' }), /did you mean NodePort\?$/],
  [
    'an address that is none',
    service({ clusterIP: '10.96.0' }),
    /^spec\.clusterIP: must be an IPv4 address, None, or left out/,
  ],
  [
    'a NodePort without an address',
    service({ type: 'NodePort', clusterIP: 'None' }),
    /must not be None with the type NodePort/,
  ],
  ['an ExternalName without a name', externalName({}), 'spec.externalName: is required'],
  [
    'an ExternalName with an address',
    externalName({ externalName: 'a.b', clusterIP: '10.96.0.1' }),
    /^spec\.clusterIP: must be left out/,
  ],
  [
    'an unknown affinity',
    service({ sessionAffinity: 'Cookie' }),
    /^spec\.sessionAffinity: must be one of None, ClientIP/,
  ],
  [
    'an affinity of two days',
    service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 172_800 } } }),
    /must be between 1 and 86400/,
  ],
]

const others: Case[] = [
  ['a bad key of a ConfigMap', configMap({ data: { 'a/b': '' } }), /^data\["a\/b"\]: "a\/b" is not allowed/],
  [
    'a key in both halves',
    configMap({ data: { a: '' }, binaryData: { a: '' } }),
    'binaryData.a: is in data too: keep one of them',
  ],
  [
    'a ConfigMap of more than 1 MiB',
    configMap({ data: { a: 'x'.repeat(1_048_577) } }),
    'data: holds 1048577 bytes: use at most 1048576',
  ],
  ['a pod network that is none', node({ podCIDR: '10.244.1.0' }), /^spec\.podCIDR: must be an IPv4 network/],
  [
    'a taint without effect',
    node({ taints: [{ key: 'a', effect: '' }] }),
    /^spec\.taints\[0\]\.effect: must be one of NoSchedule/,
  ],
  [
    'one taint twice',
    node({
      taints: [
        { key: 'a', effect: 'NoExecute' },
        { key: 'a', effect: 'NoExecute' },
      ],
    }),
    /^spec\.taints\[1\]: repeats/,
  ],
  [
    'less than no memory',
    { ...node(), status: { capacity: { memory: '-1' } } },
    'status.capacity.memory: must not be negative, but is -1',
  ],
  [
    'an endpoint of the other family',
    slice({ endpoints: [{ addresses: ['fe80::1'] }] }),
    /^endpoints\[0\]\.addresses\[0\]: must be an IPv4 address/,
  ],
  [
    'an endpoint without address',
    slice({ endpoints: [{ addresses: [] }] }),
    /^endpoints\[0\]\.addresses: must be between 1 and 100/,
  ],
  ['two nameless ports of a slice', slice({ ports: [{ port: 80 }, { port: 81 }] }), /^ports\[1\]\.name: repeats/],
  [
    'an event of another namespace',
    { apiVersion: 'v1', kind: 'Event', metadata: { name: 'a', namespace: 'b' }, involvedObject: { namespace: 'c' } },
    'involvedObject.namespace: must be b, where the event is',
  ],
]

for (const [what, object, problem] of [...metadata, ...workloads, ...services, ...others])
  test(`${what} is refused`, t => {
    const found = validateObject(applyDefaults(object)).map(({ path, message }) => `${path}: ${message}`)
    t.is(found.length, 1, found.join('\n'))
    if (typeof problem === 'string') t.is(found[0], problem)
    else t.regex(found[0] ?? '', problem)
  })
