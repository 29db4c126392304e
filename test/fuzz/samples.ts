/** Right inputs of each decoder, for the fuzzing to damage. */
import { renderAnswer, renderQuestion } from '../../kit/mdns.ts'

export const objects: readonly unknown[] = [
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' }, annotations: { 'a.example/b': 'c' } },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [
            {
              name: 'web',
              image: 'web:1',
              env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }],
              ports: [{ containerPort: 80 }],
              resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
              volumeMounts: [{ name: 'v', mountPath: '/v' }],
            },
          ],
          volumes: [{ name: 'v', secret: { secretName: 's' } }],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
  },
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's' },
    data: { key: 'aGVsbG8=' },
    stringData: { other: 'text' },
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'b', namespace: 'shop' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'alice' }],
  },
  {
    apiVersion: 'flotilla.dev/v1',
    kind: 'JoinToken',
    metadata: { name: 'abc123' },
    spec: { tokenHash: 'a'.repeat(64), expirationTimestamp: '2026-01-01T00:00:00Z', uses: 1 },
  },
]

export const manifests = [
  'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  key: |\n    text\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n',
  'a: &a [1, *a]\n',
  'a: &x {b: 1}\nc: {<<: *x}\n',
  '{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}]}',
  JSON.stringify(objects[0]),
]

export const jsonTexts = manifests.slice(3).map(text => Buffer.from(text))

const target = { resource: 'pods', group: '', namespace: 'default', name: 'web' }

export const apiRequests: readonly unknown[] = [
  { verb: 'list', target, limit: 10, continue: 'x', labelSelector: 'a=b', fieldSelector: 'metadata.name=x' },
  { verb: 'apply', target, object: objects[0], dryRun: true, pendingNamespaces: ['a'] },
  { verb: 'patch', target, patch: [{ op: 'add', path: '/spec', value: 1 }], patchType: 'json' },
  { verb: 'exec', target, options: { command: ['sh'], tty: true, size: { columns: 80, rows: 25 } } },
  { verb: 'sign', target, csr: '-----BEGIN CERTIFICATE REQUEST-----' },
  { verb: 'token', target, expirationSeconds: 600, pod: { name: 'p', uid: 'u' } },
  { verb: 'review', attributes: { verb: 'get', resource: 'pods', group: '' }, as: 'bob', asGroups: ['x'] },
  { verb: 'rules', namespace: 'default' },
]

export const nodeRequests: readonly unknown[] = [
  {
    verb: 'logs',
    pod: { namespace: 'a', name: 'b', uid: 'c' },
    container: 'x',
    options: { follow: true, tailLines: 3 },
  },
  { verb: 'exec', pod: { namespace: 'a', name: 'b', uid: 'c' }, container: 'x', options: { command: ['sh'] } },
]

export const reports: readonly unknown[] = [
  {
    session: 'abc',
    sequence: 1,
    full: true,
    wish: { epoch: 1, generation: 2 },
    usage: { timestamp: '2026-01-01T00:00:00Z', usage: { cpu: '1', memory: '1Gi' } },
    pods: { 'uid-1': { namespace: 'a', name: 'b', status: { phase: 'Running', podIP: '10.0.0.1' } } },
    events: [{ type: 'Normal', reason: 'Started', message: 'm', timestamp: '2026-01-01T00:00:00Z' }],
  },
]

export const documents = new Map<string, unknown>([
  ['node', { name: 'board-1' }],
  ['pods/a/b', { spec: {} }],
])

export const wireErrors: readonly unknown[] = [
  { code: 'Invalid', message: 'cannot', problems: [{ path: 'a', message: 'b', line: 3 }] },
]

export const labelSelectors = ['app=web,tier!=db,env in (a,b),!x', 'a notin (b),c']

export const ticket = `flotilla://abc123.bcdfghjklmnpqrstvwxz245678@192.168.1.10:8883,[fe80::1]:8883/home?ca=sha256:${'ab'.repeat(32)}`

export const usernames = ['alice', 'system:node:board-1', 'system:serviceaccount:default:web', 'system:master']

export const sshKeys = ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHjTWIg5Al9de76GEN0yxEo/L7fPCHUn11E7w/jIB2V me@laptop']

export const cards = [
  'board: rpi-4\nhostname: board-1\n',
  `board: rpi-4\nhostname: board-1\nrole: master\nwifi:\n  ssid: Home\n  key: ${'ab'.repeat(32)}\n  country: DE\nsshKeys:\n- ${sshKeys[0]}\naddress:\n  cidr: 192.168.1.20/24\n  gateway: 192.168.1.1\n  nameservers: [192.168.1.1]\ntimezone: Europe/Berlin\n`,
]

export const mdnsService = {
  type: '_flotilla._tcp',
  instance: 'home-1',
  port: 8883,
  txt: { cluster: 'home', ca: 'ab' },
}
export const mdnsMessages = [renderQuestion(mdnsService.type, 7), renderAnswer(mdnsService, '192.168.1.2', { id: 7 })]
