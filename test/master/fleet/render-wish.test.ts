import test from 'ava'
import type { ConfigMap, ServiceAccount } from '../../../contract/resources/core.ts'
import type { Container, Pod } from '../../../contract/resources/pod.ts'
import type { SecretWish } from '../../../contract/wire/fleet.ts'
import { renderWish, type WishView } from '../../../master/fleet/render-wish.ts'
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

const accounts: Record<string, Partial<ServiceAccount>> = {
  closed: { automountServiceAccountToken: false },
  pulling: { imagePullSecrets: [{ name: 'registry' }] },
}
const serviceAccount = (namespace: string, name: string): ServiceAccount | undefined =>
  accounts[name] && { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name }, ...accounts[name] }

/** Of every Secret but those that are missing. */
function secret(namespace: string, name: string): SecretWish | undefined {
  const metadata = { namespace, name, uid: 'u', resourceVersion: '7' }
  return name === 'missing' ? undefined : { metadata, sealed: 'sealed' }
}

function render(pods: Pod[], of: WishView['node'] = node): Map<string, unknown> | undefined {
  return renderWish({ node: of, pods, configMap, serviceAccount, secret, cluster })
}

function reading(pod: Pod, fields: Partial<Container>): Pod {
  return { ...pod, spec: { ...pod.spec, containers: [{ name: 'web', image: 'web:1', ...fields }] } }
}

function namesOf(pods: Pod[]): string[] {
  return [...render(pods)!.keys()].sort()
}

test('a node without a share of the pod network has no wish yet', t => {
  t.is(render([makePod('web', 'board-1')], makeNode('board-1')), undefined)
})

test('the node’s own document says what it routes and masquerades', t => {
  t.deepEqual(render([])?.get('node'), {
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
  t.deepEqual(render([pod])?.get('pods/default/web'), {
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
    spec: { ...pod.spec, serviceAccountName: 'default', automountServiceAccountToken: true },
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

for (const [title, pods, names] of [...wishes, ...wishesOfVolumes()])
  test(title, t => t.deepEqual(namesOf(pods), names))

test('a ConfigMap is told without what changes without meaning', t => {
  const pod = reading(makePod('a'), { envFrom: [{ configMapRef: { name: 'settings' } }] })
  const document = render([pod])?.get('configmaps/default/settings')
  t.deepEqual(JSON.parse(JSON.stringify(document)), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'default' },
    data: { name: 'settings' },
  })
})

/** A pod with these fields beside its container. */
function having(spec: Partial<Pod['spec']>): Pod {
  const pod = makePod('a')
  return { ...pod, spec: { ...pod.spec, ...spec } }
}

function wishesOfVolumes(): typeof wishes {
  const sources = [
    { secret: { name: 'password' } },
    { configMap: { name: 'settings' } },
    { serviceAccountToken: { path: 'token' } },
  ]
  const own = ['node', 'pods/default/a']
  return [
    [
      'a Secret that a variable names comes along',
      [reading(makePod('a'), { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'password', ...key } } }] })],
      [...own, 'secrets/default/password'],
    ],
    [
      'so does one that gives all its variables, and it is that of the pod’s namespace',
      [reading(makePod('a', 'board-1', { namespace: 'shop' }), { envFrom: [{ secretRef: { name: 'password' } }] })],
      ['node', 'pods/shop/a', 'secrets/shop/password'],
    ],
    [
      'so do those of volumes',
      [
        having({
          volumes: [
            { name: 'a', secret: { secretName: 'password' } },
            { name: 'b', configMap: { name: 'other' } },
            { name: 'c', emptyDir: {} },
          ],
        }),
      ],
      ['configmaps/default/other', ...own, 'secrets/default/password'],
    ],
    [
      'so do those of projected volumes',
      [having({ volumes: [{ name: 'a', projected: { sources } }] })],
      ['configmaps/default/settings', ...own, 'secrets/default/password'],
    ],
    [
      'so do the credentials for registries, also those that the account adds',
      [
        having({ imagePullSecrets: [{ name: 'mine' }] }),
        { ...having({ serviceAccountName: 'pulling' }), metadata: { name: 'b' } },
      ],
      [...own, 'pods/default/b', 'secrets/default/mine', 'secrets/default/registry'],
    ],
    [
      'a Secret that is not there holds nothing up',
      [reading(makePod('a'), { envFrom: [{ secretRef: { name: 'missing' } }] })],
      own,
    ],
  ]
}

const decided: Array<[what: string, spec: Partial<Pod['spec']>, token: boolean, pulls: string[]]> = [
  ['no account that is there', {}, true, []],
  ['an account that wants no token in its pods', { serviceAccountName: 'closed' }, false, []],
  ['a pod that wants one all the same', { serviceAccountName: 'closed', automountServiceAccountToken: true }, true, []],
  ['a pod that wants none', { automountServiceAccountToken: false }, false, []],
  ['an account with credentials', { serviceAccountName: 'pulling' }, true, ['registry']],
  ['a pod with its own', { serviceAccountName: 'pulling', imagePullSecrets: [{ name: 'mine' }] }, true, ['mine']],
]

for (const [what, spec, token, pulls] of decided) {
  test(`what a pod leaves to its account is decided for the agent: ${what}`, t => {
    const wish = render([having(spec)])?.get('pods/default/a') as Pod
    t.is(wish.spec.serviceAccountName, spec.serviceAccountName ?? 'default')
    t.is(wish.spec.automountServiceAccountToken, token)
    t.deepEqual(wish.spec.imagePullSecrets?.map(({ name }) => name) ?? [], pulls)
  })
}
