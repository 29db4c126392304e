/** Attacks of a user who may look at one namespace, and would like to do more. */
import type { ApiRequest } from '../../contract/wire/api.ts'
import { type Arena, type Attack, askApi, listenAs, silent } from './arena.ts'

const inNamespace = { group: '', namespace: 'vault' }
const rbac = 'rbac.authorization.k8s.io'

const admin = {
  apiVersion: `${rbac}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: { name: 'mine' },
  roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ kind: 'User', apiGroup: rbac, name: 'curious' }],
}

const requests: Array<[name: string, request: ApiRequest]> = [
  [
    'a Secret of the namespace that he may look at',
    { verb: 'get', target: { resource: 'secrets', group: '', namespace: 'shop', name: 'planted' } },
  ],
  ['the Secrets of another namespace', { verb: 'list', target: { resource: 'secrets', ...inNamespace } }],
  ['the pods of another namespace', { verb: 'list', target: { resource: 'pods', ...inNamespace } }],
  ['the pods of all namespaces', { verb: 'list', target: { resource: 'pods', group: '' } }],
  [
    'the pods of all namespaces, one field at a time',
    { verb: 'list', target: { resource: 'pods', group: '' }, fieldSelector: 'metadata.namespace=shop' },
  ],
  [
    'a shell',
    {
      verb: 'exec',
      target: { resource: 'pods', group: '', namespace: 'shop', name: 'shop' },
      options: { command: ['sh'] },
    },
  ],
  [
    "another namespace's logs",
    { verb: 'logs', target: { resource: 'pods', ...inNamespace, name: 'keeper' }, options: {} },
  ],
  [
    'a binding that makes him admin',
    { verb: 'create', target: { resource: 'clusterrolebindings', group: rbac }, object: admin as never },
  ],
  [
    'the same, applied',
    { verb: 'apply', target: { resource: 'clusterrolebindings', group: rbac, name: 'mine' }, object: admin as never },
  ],
  [
    'the same, as a dry run',
    {
      verb: 'apply',
      target: { resource: 'clusterrolebindings', group: rbac, name: 'mine' },
      object: admin as never,
      dryRun: true,
    },
  ],
  [
    'the group of the masters',
    {
      verb: 'patch',
      target: { resource: 'users', group: 'flotilla.dev', name: 'curious' },
      patch: { spec: { groups: ['system:masters'] } },
      patchType: 'merge',
    },
  ],
  [
    "the admin's certificate",
    { verb: 'sign', target: { resource: 'users', group: 'flotilla.dev', name: 'admin' }, csr: 'x' },
  ],
  ["the admin's token", { verb: 'token', target: { resource: 'users', group: 'flotilla.dev', name: 'admin' } }],
  [
    "a service account's token",
    { verb: 'token', target: { resource: 'serviceaccounts', ...inNamespace, name: 'keeper' } },
  ],
  ['to stand in for the admin', { verb: 'rules', namespace: 'default', as: 'admin' }],
  ['to stand in for a group', { verb: 'rules', namespace: 'default', as: 'curious', asGroups: ['system:masters'] }],
  ['the end of a node', { verb: 'delete', target: { resource: 'nodes', group: '', name: 'board-1' } }],
  ['a join token', { verb: 'invite' }],
  ['new keys for the secrets', { verb: 'rotate' }],
  [
    'the status of a pod',
    {
      verb: 'update',
      target: { resource: 'pods', group: '', namespace: 'shop', name: 'shop' },
      object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'shop', namespace: 'shop' } },
      subresource: 'status',
    },
  ],
  [
    'an object whose name climbs',
    { verb: 'get', target: { resource: 'pods', group: '', namespace: 'shop', name: '../vault/keeper' } },
  ],
  [
    'a namespace that climbs',
    { verb: 'get', target: { resource: 'pods', group: '', namespace: '../vault', name: 'keeper' } },
  ],
  ['a verb that there is not', { verb: '__proto__' } as never],
]

const asked: Attack[] = requests.map(([name, request]) => ({
  name: `a user asks for ${name}`,
  expect: /^(Forbidden|BadRequest)$/,
  run(arena: Arena) {
    return askApi(arena, { pair: arena.pairs.user, username: arena.userName, request })
  },
}))

const onTheBus: Attack[] = [
  {
    name: 'a user asks on the topic of the admin',
    // The broker ends the connection, so no answer comes.
    expect: /^ServiceUnavailable$/,
    onMosquitto: /^Timeout$/,
    counted: 'topic',
    run(arena) {
      const request: ApiRequest = { verb: 'list', target: { resource: 'secrets', group: '' } }
      return askApi(arena, { pair: arena.pairs.user, username: arena.userName, as: 'admin', request })
    },
  },
  ...[
    'flotilla/v1/lab/clients/admin/+/replies',
    'flotilla/v1/lab/clients/+/+/replies',
    'flotilla/v1/lab/clients/curious/+/replies',
    'flotilla/v1/lab/nodes/+/report',
    'flotilla/v1/lab/nodes/board-1/wish/#',
    'flotilla/v1/lab/network/#',
    'flotilla/v1/lab/join/+/requests',
    '#',
  ].map(filter => ({
    name: `a user subscribes to ${filter}`,
    expect: /^suback 128, heard 0$/,
    onMosquitto: silent,
    counted: 'subscription',
    run: (arena: Arena) => listenAs(arena, { kind: 'user', name: arena.userName }, { pair: arena.pairs.user, filter }),
  })),
]

export const attacksOfUsers: Attack[] = [...asked, ...onTheBus]
