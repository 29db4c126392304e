import test from 'ava'
import { type EnvSources, expand, resolveEnv, secretNamesOf } from '../../../agent/reconcile/env.ts'
import type { Container, EnvVar } from '../../../contract/resources/pod.ts'
import type { ConfigMapWish, SecretContents, ServiceRoute } from '../../../contract/wire/fleet.ts'
import { CodedError } from '../../../kit/errors.ts'
import { spec, wishOf } from './fixtures.ts'

const settings: ConfigMapWish = {
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'default' } },
  data: { COLOR: 'blue', SIZE: 'L' },
}
const routeOf = (name: string, more: Partial<ServiceRoute> = {}): ServiceRoute => ({
  ...{ namespace: 'default', name, clusterIP: '10.96.0.7', sessionAffinity: 'None' },
  ports: [
    { name: 'web', protocol: 'TCP', port: 80, endpoints: [] },
    { name: 'admin-ui', protocol: 'TCP', port: 8080, endpoints: [] },
  ],
  ...more,
})
const metadata = { labels: { app: 'web', 'example.org/tier': 'front' }, annotations: { note: 'hello' } }

function sourcesOf(more: Partial<EnvSources> = {}): EnvSources {
  return {
    pod: wishOf([spec()], { metadata }),
    ...{ podIP: '10.244.1.5', hostIP: '192.168.0.9', nodeName: 'board-1' },
    configMaps: new Map([['default/settings', settings]]),
    secrets: new Map(),
    services: [],
    ...more,
  }
}

function resolve(container: Partial<Container>, more: Partial<EnvSources> = {}): Record<string, string> {
  return Object.fromEntries(resolveEnv(spec('main', container), sourcesOf(more)))
}

const fromKey = (key: string, more: { name?: string; optional?: boolean } = {}): EnvVar => ({
  name: 'X',
  valueFrom: { configMapKeyRef: { name: 'settings', key, ...more } },
})
const fromField = (fieldPath: string): EnvVar => ({ name: 'X', valueFrom: { fieldRef: { fieldPath } } })

const known = new Map([
  ['NAME', 'board'],
  ['COST', '$(NAME) $$5'],
])
for (const [text, expected] of [
  ['plain', 'plain'],
  ['$(NAME)', 'board'],
  ['a-$(NAME)-$(NAME)!', 'a-board-board!'],
  ['$(UNKNOWN)', '$(UNKNOWN)'],
  ['$$(NAME)', '$(NAME)'],
  ['$$$(NAME)', '$board'],
  ['$$$$(NAME)', '$$(NAME)'],
  ['$NAME $[NAME] $', '$NAME $[NAME] $'],
  ['$(NAME', '$(NAME'],
  ['$()', '$()'],
  ['$(A$(NAME))', '$(A$(NAME))'],
  ['$(COST)', '$(NAME) $$5'],
] as const) {
  test(`${text} expands to ${expected}`, t => t.is(expand(text, known), expected))
}

test('a variable sees those before it, and not those after it', t => {
  const env = [
    { name: 'EARLY', value: '$(LATE)' },
    { name: 'LATE', value: 'late' },
    { name: 'AGAIN', value: 'was $(LATE)' },
    { name: 'EMPTY' },
  ]
  t.deepEqual(resolve({ env }), { EARLY: '$(LATE)', LATE: 'late', AGAIN: 'was late', EMPTY: '' })
})

test('a key of a ConfigMap becomes a value, as it is written', t => {
  const data = { COLOR: '$(HOME) $$' }
  const configMaps = new Map([['default/settings', { ...settings, data }]])
  t.deepEqual(resolve({ env: [fromKey('COLOR')] }, { configMaps }), { X: '$(HOME) $$' })
})

for (const [title, container, names] of [
  ['a ConfigMap', { env: [fromKey('COLOR', { name: 'absent' })] }, /absent/],
  ['a key of a ConfigMap', { env: [fromKey('SHAPE')] }, /SHAPE.*settings/],
  ['a key that every JavaScript object seems to have', { env: [fromKey('constructor')] }, /constructor/],
  ['a ConfigMap that is taken whole', { envFrom: [{ configMapRef: { name: 'absent' } }] }, /absent/],
] as Array<[string, Partial<Container>, RegExp]>) {
  test(`${title} that is missing is an error that names it`, t => {
    const error = t.throws(() => resolve(container), { instanceOf: CodedError })
    t.is(error?.code, 'NotFound')
    t.regex(error?.message ?? '', names)
  })
}

test('what is optional may be missing, and then sets nothing', t => {
  const env = [fromKey('SHAPE', { optional: true }), fromKey('COLOR', { name: 'absent', optional: true })]
  t.deepEqual(resolve({ env, envFrom: [{ configMapRef: { name: 'absent', optional: true } }] }), {})
})

test('a ConfigMap of another namespace is not there', t => {
  const configMaps = new Map([['other/settings', settings]])
  t.throws(() => resolve({ env: [fromKey('COLOR')] }, { configMaps }), { instanceOf: CodedError })
})

test('a whole ConfigMap comes in under its prefix', t => {
  const envFrom = [{ configMapRef: { name: 'settings' } }, { prefix: 'UI_', configMapRef: { name: 'settings' } }]
  t.deepEqual(resolve({ envFrom }), { COLOR: 'blue', SIZE: 'L', UI_COLOR: 'blue', UI_SIZE: 'L' })
})

for (const [path, expected] of [
  ['metadata.name', 'web'],
  ['metadata.namespace', 'default'],
  ['metadata.uid', 'uid-web'],
  ["metadata.labels['example.org/tier']", 'front'],
  ["metadata.annotations['note']", 'hello'],
  ["metadata.annotations['constructor']", ''],
  ['spec.nodeName', 'board-1'],
  ['spec.serviceAccountName', 'default'],
  ['status.hostIP', '192.168.0.9'],
  ['status.podIP', '10.244.1.5'],
] as const) {
  test(`the field ${path} reads "${expected}"`, t => t.deepEqual(resolve({ env: [fromField(path)] }), { X: expected }))
}

test("a pod in the board's network has the board's address", t => {
  const pod = wishOf([spec()], { spec: { hostNetwork: true } })
  t.deepEqual(resolve({ env: [fromField('status.podIP')] }, { pod, podIP: undefined }), { X: '192.168.0.9' })
})

test('a field that no variable can name is an error that tells which can', t => {
  for (const path of ['spec.containers', 'toString']) {
    const error = t.throws(() => resolve({ env: [fromField(path)] }), { instanceOf: CodedError })
    t.is(error?.code, 'Invalid')
    t.regex(error?.message ?? '', /metadata\.name/)
  }
})

test('the services of the namespace that have an address are told, and no others', t => {
  const headless = routeOf('db')
  delete headless.clusterIP
  const services = [
    routeOf('my-web'),
    headless,
    routeOf('far', { namespace: 'other' }),
    routeOf('empty', { ports: [] }),
  ]
  t.deepEqual(resolve({}, { services }), {
    MY_WEB_SERVICE_HOST: '10.96.0.7',
    MY_WEB_SERVICE_PORT: '80',
    MY_WEB_SERVICE_PORT_WEB: '80',
    MY_WEB_SERVICE_PORT_ADMIN_UI: '8080',
  })
})

test('a pod may ask not to be told of services', t => {
  const pod = wishOf([spec()], { spec: { enableServiceLinks: false } })
  t.deepEqual(resolve({}, { pod, services: [routeOf('web')] }), {})
})

test('what is written nearer wins: env over envFrom over service links, later over earlier', t => {
  const data = { WEB_SERVICE_HOST: 'map', WEB_SERVICE_PORT: 'map', COLOR: 'green' }
  const configMaps = new Map([
    ['default/settings', settings],
    ['default/later', { ...settings, data }],
  ])
  const container = {
    envFrom: [{ configMapRef: { name: 'settings' } }, { configMapRef: { name: 'later' } }],
    env: [
      { name: 'WEB_SERVICE_PORT', value: 'first' },
      { name: 'WEB_SERVICE_PORT', value: 'last' },
    ],
  }
  t.like(resolve(container, { configMaps, services: [routeOf('web')] }), {
    WEB_SERVICE_PORT_WEB: '80',
    WEB_SERVICE_HOST: 'map',
    WEB_SERVICE_PORT: 'last',
    COLOR: 'green',
  })
})

const secret: SecretContents = {
  ...{ metadata: { namespace: 'default', name: 'db', uid: 'u', resourceVersion: '1' }, type: 'Opaque' },
  data: { password: Buffer.from('$(X) hunter2').toString('base64') },
}
const secrets = new Map([['default/db', secret]])
const secretKey = (key: string, more: { name?: string; optional?: boolean } = {}): EnvVar => ({
  name: 'X',
  valueFrom: { secretKeyRef: { name: 'db', key, ...more } },
})

test('a key of a Secret becomes a value, and a whole one comes in under its prefix', t => {
  t.deepEqual(resolve({ env: [secretKey('password')] }, { secrets }), { X: '$(X) hunter2' })
  const envFrom = [{ prefix: 'DB_', secretRef: { name: 'db' } }]
  t.deepEqual(resolve({ envFrom }, { secrets }), { DB_password: '$(X) hunter2' })
})

for (const [title, container, names] of [
  ['a Secret', { env: [secretKey('password', { name: 'absent' })] }, /^secret "absent" not found$/],
  ['a key of a Secret', { env: [secretKey('user')] }, /^couldn't find key user in Secret default\/db$/],
  ['a key that every object seems to have', { env: [secretKey('constructor')] }, /constructor/],
  ['a Secret that is taken whole', { envFrom: [{ secretRef: { name: 'absent' } }] }, /^secret "absent" not found$/],
] as Array<[string, Partial<Container>, RegExp]>) {
  test(`${title} that is missing is an error that names it, and no value`, t => {
    const error = t.throws(() => resolve(container, { secrets }), { instanceOf: CodedError })
    t.is(error?.code, 'NotFound')
    t.regex(error?.message ?? '', names)
    t.false(error?.message.includes('hunter2'))
  })
}

test('an optional Secret may be missing', t => {
  const env = [secretKey('user', { optional: true }), secretKey('x', { name: 'absent', optional: true })]
  t.deepEqual(resolve({ env, envFrom: [{ secretRef: { name: 'absent', optional: true } }] }, { secrets }), {})
})

test('the Secrets that a container mentions are told once each, to be opened', t => {
  const envFrom = [{ secretRef: { name: 'db' } }, { configMapRef: { name: 'settings' } }, { secretRef: { name: 'b' } }]
  t.deepEqual(secretNamesOf(spec('main', { env: [secretKey('password'), { name: 'Y' }], envFrom })), ['db', 'b'])
})
