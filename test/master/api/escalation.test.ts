import test from 'ava'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import type { PolicyRule } from '../../../contract/resources/rbac.ts'
import type { ApiRequest } from '../../../contract/wire/api.ts'
import { at, createPeople, newKey, type People, rule } from './people.ts'

const rbac = 'rbac.authorization.k8s.io'
const trust = 'flotilla.dev'
const full = (plural: string, group: string): PolicyRule => rule('get create update patch delete', plural, group)
const manageRoles = full('roles rolebindings clusterroles clusterrolebindings', rbac)
const manageUsers = full('users', trust)
const pods = rule('get list', 'pods')

/** `path`: the name, or `namespace/name`. */
function make(kind: string, path: string, fields: object): AnyObject {
  const [name = '', namespace] = path.split('/').reverse()
  const apiVersion = ['User', 'NodeIdentity', 'JoinToken'].includes(kind) ? `${trust}/v1` : `${rbac}/v1`
  return { apiVersion, kind, metadata: { name, ...(namespace && { namespace }) }, ...fields }
}

function create(plural: string, object: AnyObject): ApiRequest {
  return { verb: 'create', target: at(`${object.metadata.namespace ?? '*'}/${plural}`), object }
}

function apply(plural: string, object: AnyObject): ApiRequest {
  const place = `${object.metadata.namespace ?? '*'}/${plural}/${object.metadata.name}`
  return { verb: 'apply', target: at(place), object }
}

function bind(kind: 'Role' | 'ClusterRole', name: string, subject = 'bob'): object {
  const subjects = [{ kind: 'User', apiGroup: rbac, name: subject }]
  return { roleRef: { apiGroup: rbac, kind, name }, subjects }
}

test('a role may hold what its maker has, and no more', async t => {
  const { person } = await createPeople(t)
  const bob = await person('bob', { x: [manageRoles, pods] })
  t.is(await bob.code(create('roles', make('Role', 'x/same', { rules: [pods] }))), 'OK')
  const more = create('roles', make('Role', 'x/more', { rules: [pods, rule('get', 'secrets')] }))
  const words = await bob.refusal(more)
  t.regex(
    words,
    /^roles\.rbac\.authorization\.k8s\.io "more" is forbidden: user "bob" \(groups=\["system:authenticated"\]\) is attempting to grant/,
  )
  t.true(words.endsWith('{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'), words)
  const grown = make('Role', 'x/same', { rules: [rule('*', '*', '*')] })
  t.is(await bob.code(apply('roles', grown)), 'Forbidden')
  t.is(await bob.code({ verb: 'update', target: at('x/roles/same'), object: grown }), 'Forbidden')
  const patch = { rules: grown['rules'] }
  t.is(await bob.code({ verb: 'patch', target: at('x/roles/same'), patch, patchType: 'merge' }), 'Forbidden')
  t.is(await bob.code({ ...(more as ApiRequest & { verb: 'create' }), dryRun: true }), 'Forbidden')
})

test('what somebody has in one namespace he cannot hand on in another, nor in the whole cluster', async t => {
  const { person } = await createPeople(t)
  const bob = await person('bob', { '*': [manageRoles], x: [pods] })
  t.is(await bob.code(create('roles', make('Role', 'x/a', { rules: [pods] }))), 'OK')
  t.is(await bob.code(create('roles', make('Role', 'y/a', { rules: [pods] }))), 'Forbidden')
  t.is(await bob.code(create('clusterroles', make('ClusterRole', 'a', { rules: [pods] }))), 'Forbidden')
})

test('with the verb escalate one may, and with bind one may bind', async t => {
  const { person } = await createPeople(t)
  const bob = await person('bob', { x: [manageRoles, rule('escalate', 'roles', rbac)] })
  t.is(await bob.code(create('roles', make('Role', 'x/big', { rules: [rule('*', '*', '*')] }))), 'OK')
  t.is(await bob.code(create('rolebindings', make('RoleBinding', 'x/b', bind('Role', 'big')))), 'Forbidden')
  const binder = await person('binder', {
    x: [manageRoles, { ...rule('bind', 'roles', rbac), resourceNames: ['big'] }],
  })
  t.is(await binder.code(create('rolebindings', make('RoleBinding', 'x/b', bind('Role', 'big')))), 'OK')
  t.is(await binder.code(create('rolebindings', make('RoleBinding', 'x/c', bind('ClusterRole', 'admin')))), 'Forbidden')
})

test('a role is bound by those who have all of it, and one that is not there by nobody', async t => {
  const { person, objects } = await createPeople(t)
  const bob = await person('bob', { x: [manageRoles, pods], '*': [full('clusterrolebindings', rbac)] })
  await objects.create(make('Role', 'x/pods', { rules: [pods] }))
  t.is(await bob.code(create('rolebindings', make('RoleBinding', 'x/b', bind('Role', 'pods', 'eve')))), 'OK')
  t.is(await bob.code(create('rolebindings', make('RoleBinding', 'x/c', bind('ClusterRole', 'edit')))), 'Forbidden')
  const root = make('ClusterRoleBinding', 'root', bind('ClusterRole', 'cluster-admin'))
  t.is(await bob.code(create('clusterrolebindings', root)), 'Forbidden')
  t.regex(
    await bob.refusal(create('rolebindings', make('RoleBinding', 'x/d', bind('Role', 'later')))),
    /there is no Role "later"/,
  )
  // Whoever could change the role of a binding would choose who has what.
  const changed = make('RoleBinding', 'x/b', bind('ClusterRole', 'cluster-admin'))
  t.is(await bob.code({ verb: 'update', target: at('x/rolebindings/b'), object: changed }), 'Invalid')
})

test('a subject that is added to a mighty binding is refused too', async t => {
  const { person } = await createPeople(t)
  const bob = await person('bob', { '*': [manageRoles] })
  const root = make('ClusterRoleBinding', 'cluster-admin', bind('ClusterRole', 'cluster-admin'))
  t.is(await bob.code(apply('clusterrolebindings', root)), 'Forbidden')
})

test('what gathers other roles is for those who have everything, and so is a label that a mighty role is gathered by', async t => {
  const { person } = await createPeople(t)
  const bob = await person('bob', { '*': [manageRoles, pods] })
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] }
  t.is(await bob.code(create('clusterroles', make('ClusterRole', 'g', { aggregationRule }))), 'Forbidden')
  const merge = (patch: object): Pick<ApiRequest & { verb: 'patch' }, 'verb' | 'patch' | 'patchType'> => ({
    verb: 'patch',
    patch,
    patchType: 'merge',
  })
  const labelled = { metadata: { labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } } }
  t.is(await bob.code({ ...merge(labelled), target: at('*/clusterroles/cluster-admin') }), 'Forbidden')
  t.is(await bob.code({ ...merge({ aggregationRule: null }), target: at('*/clusterroles/view') }), 'Forbidden')
  t.is(await bob.code({ ...merge({ metadata: { finalizers: ['a.b/c'] } }), target: at('*/clusterroles/view') }), 'OK')
})

test('the admin of a namespace makes roles in it, and nothing beyond it', async t => {
  const { person, objects } = await createPeople(t)
  const bob = await person('bob')
  await objects.create(make('RoleBinding', 'x/bob', bind('ClusterRole', 'admin')))
  t.is(await bob.code(create('rolebindings', make('RoleBinding', 'x/e', bind('ClusterRole', 'edit', 'eve')))), 'OK')
  t.is(
    await bob.code(create('rolebindings', make('RoleBinding', 'x/f', bind('ClusterRole', 'cluster-admin', 'eve')))),
    'Forbidden',
  )
  t.is(await bob.code(create('roles', make('Role', 'x/nodes', { rules: [rule('get', 'nodes')] }))), 'Forbidden')
  t.is(
    await bob.code(create('rolebindings', make('RoleBinding', 'y/e', bind('ClusterRole', 'edit', 'eve')))),
    'Forbidden',
  )
})

test('nobody brings himself or others into a group that has more than he has', async t => {
  const { person, objects } = await createPeople(t)
  await objects.create(make('ClusterRole', 'pods', { rules: [pods] }))
  const roleRef = { apiGroup: rbac, kind: 'ClusterRole', name: 'pods' }
  const subjects = [{ kind: 'Group', apiGroup: rbac, name: 'watchers' }]
  await objects.create(make('ClusterRoleBinding', 'pods', { roleRef, subjects }))
  const bob = await person('bob', { '*': [manageUsers] })
  const groups = (name: string, ...list: string[]): ApiRequest =>
    apply('users', make('User', name, { spec: { groups: list } }))
  t.is(await bob.code(groups('bob', 'system:masters')), 'Forbidden')
  t.is(await bob.code(groups('eve', 'system:masters')), 'Forbidden')
  t.is(await bob.code(groups('eve', 'watchers')), 'Forbidden')
  t.is(await bob.code(groups('eve', 'nobodies')), 'OK')
  const able = await person('able', { '*': [manageUsers, pods] })
  t.is(await able.code(groups('eve', 'nobodies', 'watchers')), 'OK')
  t.is(await able.code(groups('eve', 'system:masters')), 'Forbidden')
  const named = await person('named', { '*': [manageUsers, rule('impersonate', 'groups')] })
  t.is(await named.code(groups('ann', 'watchers')), 'OK')
  t.is(await named.code(groups('ann', 'watchers', 'system:masters')), 'Forbidden')
})

test('nobody lets somebody mightier in again', async t => {
  const { person, objects } = await createPeople(t)
  const bob = await person('bob', { '*': [manageUsers] })
  await objects.create(make('User', 'old', { spec: { groups: ['system:masters'], revoked: true } }))
  await objects.create(
    make('User', 'late', { spec: { groups: ['system:masters'], validAfter: '2026-01-01T00:00:00Z' } }),
  )
  const patch = (name: string, spec: object): ApiRequest => ({
    verb: 'patch',
    target: at(`*/users/${name}`),
    patch: { spec },
    patchType: 'merge',
  })
  t.is(await bob.code(patch('old', { revoked: null })), 'Forbidden')
  t.is(await bob.code(patch('late', { validAfter: '2025-01-01T00:00:00Z' })), 'Forbidden')
  t.is(await bob.code(patch('late', { validAfter: null })), 'Forbidden')
  t.is(await bob.code(patch('late', { validAfter: '2026-02-01T00:00:00Z' })), 'OK')
})

test('a new user begins now: who had the name before is not let in by it', async t => {
  const { person, write, objects } = await createPeople(t)
  const { object } = await write(create('users', make('User', 'ann', { spec: {} })) as ApiRequest & { verb: 'create' })
  const age = Date.now() - Date.parse(String(object.spec?.['validAfter']))
  t.true(age >= 0 && age < 60_000, `${age}`)
  // A binding that was left over names one who could do more than the maker.
  await objects.create(make('ClusterRoleBinding', 'left', bind('ClusterRole', 'cluster-admin', 'gone')))
  const bob = await person('bob', { '*': [manageUsers] })
  t.is(
    await bob.code(create('users', make('User', 'gone', { spec: { validAfter: '2020-01-01T00:00:00Z' } }))),
    'Forbidden',
  )
})

test('a certificate or token in the name of another is for those who can do all that the other can', async t => {
  const { person } = await createPeople(t)
  await person('low', { x: [pods] })
  await person('high', {}, ['system:masters'])
  const sign = (name: string): ApiRequest => ({ verb: 'sign', target: at(`*/users/${name}`), csr: 'csr' })
  const token = (name: string): ApiRequest => ({ verb: 'token', target: at(`*/users/${name}`) })
  const issue = rule('create', 'users/certificate users/token', trust)
  const weak = await person('weak', { '*': [issue] })
  t.is(await weak.code(sign('weak')), 'OK', 'oneself')
  t.is(await weak.code(token('weak')), 'OK')
  t.is(await weak.code(sign('low')), 'Forbidden')
  t.is(await weak.code(token('low')), 'Forbidden')
  const equal = await person('equal', { '*': [issue], x: [pods] })
  t.is(await equal.code(sign('low')), 'OK')
  t.is(await equal.code(sign('high')), 'Forbidden')
  const actor = await person('actor', { '*': [issue, rule('impersonate', 'users groups')] })
  t.is(await actor.code(token('low')), 'OK')
  t.is(await actor.code(token('high')), 'Forbidden')
  const none = await person('none', { x: [pods] })
  t.is(await none.code(sign('low')), 'Forbidden')
  t.is(await none.code(token('none')), 'Forbidden', 'a token for oneself is one more way in')
  t.is(await none.code(sign('none')), 'OK')
})

test('nodes sign for themselves, and nobody for nodes', async t => {
  const people = await createPeople(t)
  const board = await people.node('board-1')
  const sign = (name: string): ApiRequest => ({ verb: 'sign', target: at(`*/nodeidentities/${name}`) })
  t.is(await board.code(sign('board-1')), 'OK')
  t.is(await board.code(sign('board-2')), 'Forbidden')
  t.is(await board.code({ verb: 'sign', target: at('*/users/admin'), csr: 'csr' }), 'Forbidden')
  t.is(await people.as('admin').code(sign('board-1')), 'Forbidden')
})

test('a node gets tokens of the accounts of its own pods, and reads what these mention', async t => {
  const people = await createPeople(t)
  const board = await people.node('board-1')
  await placePods(people)
  const token = (name: string, pod?: { name: string; uid: string }): ApiRequest => ({
    verb: 'token',
    target: at(`x/serviceaccounts/${name}`),
    ...(pod && { pod }),
  })
  const uid = (await people.objects.get<AnyObject>(podKind, 'x', 'mine'))?.metadata.uid ?? ''
  const other = (await people.objects.get<AnyObject>(podKind, 'x', 'theirs'))?.metadata.uid ?? ''
  t.is(await board.code(token('robot', { name: 'mine', uid })), 'OK')
  t.is(await board.code(token('robot')), 'Forbidden')
  t.is(await board.code(token('robot', { name: 'mine', uid: other })), 'Forbidden')
  t.is(await board.code(token('robot', { name: 'theirs', uid: other })), 'Forbidden')
  t.is(await board.code({ verb: 'get', target: at('x/pods/mine') }), 'OK')
  t.is(await board.code({ verb: 'get', target: at('x/pods/theirs') }), 'Forbidden')
  t.is(await board.code({ verb: 'get', target: at('x/secrets/theirs') }), 'Forbidden')
  t.is(await board.code({ verb: 'list', target: at('*/pods') }), 'Forbidden')
  t.is(await board.code({ verb: 'delete', target: at('x/pods/mine') }), 'Forbidden')
})

const podKind = {
  kind: 'Pod',
  group: '',
  version: 'v1',
  plural: 'pods',
  singular: 'pod',
  shortNames: [],
  namespaced: true,
}

async function placePods({ objects }: People): Promise<void> {
  await objects.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', namespace: 'x' } })
  for (const [name, nodeName] of Object.entries({ mine: 'board-1', theirs: 'board-2' })) {
    const spec = { nodeName, serviceAccountName: 'robot', containers: [{ name: 'c', image: 'i' }] }
    await objects.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'x' }, spec } as AnyObject)
  }
}

test('who a node is, and what a token was used for, only the master writes', async t => {
  const people = await createPeople(t)
  const admin = people.as('admin')
  await people.node('board-1')
  const patch = (path: string, change: object): ApiRequest => ({
    verb: 'patch',
    target: at(path),
    patch: change,
    patchType: 'merge',
  })
  const identity = make('NodeIdentity', 'board-2', { spec: { publicKey: newKey() } })
  t.is(await admin.code(create('nodeidentities', identity)), 'Forbidden')
  t.is(await admin.code(patch('*/nodeidentities/board-1', { spec: { revoked: true } })), 'OK')
  t.not(await admin.code(patch('*/nodeidentities/board-1', { spec: { revoked: null } })), 'OK')
  t.not(await admin.code(patch('*/nodeidentities/board-1', { spec: { publicKey: newKey() } })), 'OK')
  const spec = { tokenHash: 'a'.repeat(64), expirationTimestamp: '2030-01-01T00:00:00Z', uses: 1 }
  t.is(await admin.code(create('jointokens', make('JoinToken', 'abc123', { spec }))), 'OK')
  const status: Record<string, object> = {
    jointokens: { used: [] },
    nodeidentities: { serialNumber: '1' },
    users: { serialNumber: '1' },
  }
  for (const [path, object] of [
    ['jointokens', make('JoinToken', 'abc123', {})],
    ['nodeidentities', make('NodeIdentity', 'board-1', {})],
    ['users', make('User', 'admin', {})],
  ] as const) {
    const target = at(`*/${path}/${object.metadata.name}`)
    const next = { ...object, status: status[path] } as AnyObject
    t.is(await admin.code({ verb: 'update', subresource: 'status', target, object: next }), 'Forbidden')
  }
})
