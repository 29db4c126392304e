import test from 'ava'
import type { ConfigMap } from '../../../contract/resources/core.ts'
import type { Container, Pod } from '../../../contract/resources/pod.ts'
import { configMapsOf, renderWish } from '../../../master/fleet/render-wish.ts'
import { cluster, makeNode, makePod, podStatus } from './rig.ts'

const node = makeNode('board-1', '10.244.1.0/24')

function makeConfigMap(name: string, namespace = 'default'): ConfigMap {
  const metadata = { name, namespace, uid: 'u', resourceVersion: '7', generation: 3, labels: { a: 'b' } }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { name } }
}

const maps = new Map(
  [makeConfigMap('settings'), makeConfigMap('other'), makeConfigMap('settings', 'shop')].map(map => [
    `${map.metadata.namespace}/${map.metadata.name}`,
    map,
  ]),
)
const configMap = (namespace: string, name: string): ConfigMap | undefined => maps.get(`${namespace}/${name}`)

function reading(pod: Pod, fields: Partial<Container>): Pod {
  return { ...pod, spec: { ...pod.spec, containers: [{ name: 'web', image: 'web:1', ...fields }] } }
}

function namesOf(pods: Pod[]): string[] {
  return [...renderWish({ node, pods, configMap, cluster })!.keys()].sort()
}

test('a node without a share of the pod network has no wish yet', t => {
  t.is(renderWish({ node: makeNode('board-1'), pods: [makePod('web', 'board-1')], configMap, cluster }), undefined)
})

test('the node’s own document says what it routes and masquerades', t => {
  t.deepEqual(renderWish({ node, pods: [], configMap, cluster })?.get('node'), {
    name: 'board-1',
    podCIDR: '10.244.1.0/24',
    ...cluster,
  })
})

test('a pod is told with its identity and its end, and without what changes with each report', t => {
  const metadata = {
    uid: 'u1',
    resourceVersion: '42',
    generation: 2,
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { app: 'web' },
    annotations: { note: 'x' },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'r1' }],
    finalizers: ['a/b'],
    deletionTimestamp: '2026-01-01T00:00:30Z',
    deletionGracePeriodSeconds: 30,
  }
  const pod = { ...makePod('web', 'board-1', metadata), status: podStatus() }
  t.deepEqual(renderWish({ node, pods: [pod], configMap, cluster })?.get('pods/default/web'), {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'u1',
      labels: { app: 'web' },
      annotations: { note: 'x' },
      deletionTimestamp: '2026-01-01T00:00:30Z',
      deletionGracePeriodSeconds: 30,
    },
    spec: pod.spec,
  })
})

const key = { key: 'k' }
const wishes: Array<[title: string, pods: Pod[], names: string[]]> = [
  ['a node without pods has its own document only', [], ['node']],
  ['each pod is a document', [makePod('b'), makePod('a')], ['node', 'pods/default/a', 'pods/default/b']],
  [
    'a ConfigMap that a variable names comes along',
    [reading(makePod('a'), { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'settings', ...key } } }] })],
    ['configmaps/default/settings', 'node', 'pods/default/a'],
  ],
  [
    'so does one that gives all its variables',
    [reading(makePod('a'), { envFrom: [{ configMapRef: { name: 'other' } }] })],
    ['configmaps/default/other', 'node', 'pods/default/a'],
  ],
  [
    'it is that of the pod’s namespace',
    [reading(makePod('a', 'board-1', { namespace: 'shop' }), { envFrom: [{ configMapRef: { name: 'settings' } }] })],
    ['configmaps/shop/settings', 'node', 'pods/shop/a'],
  ],
  [
    'two pods share it',
    ['a', 'b'].map(name => reading(makePod(name), { envFrom: [{ configMapRef: { name: 'settings' } }] })),
    ['configmaps/default/settings', 'node', 'pods/default/a', 'pods/default/b'],
  ],
  [
    'one that does not exist holds nothing up',
    [reading(makePod('a'), { envFrom: [{ configMapRef: { name: 'missing' } }] })],
    ['node', 'pods/default/a'],
  ],
]

for (const [title, pods, names] of wishes) test(title, t => t.deepEqual(namesOf(pods), names))

test('a ConfigMap is told without what changes without meaning', t => {
  const pod = reading(makePod('a'), { envFrom: [{ configMapRef: { name: 'settings' } }] })
  const document = renderWish({ node, pods: [pod], configMap, cluster })?.get('configmaps/default/settings')
  t.deepEqual(JSON.parse(JSON.stringify(document)), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'default' },
    data: { name: 'settings' },
  })
})

test('other sources of variables name no ConfigMap', t => {
  const env = [
    { name: 'A', value: 'settings' },
    { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  ]
  t.deepEqual(configMapsOf(reading(makePod('a'), { env, envFrom: [{ secretRef: { name: 'settings' } }] })), new Set())
})
