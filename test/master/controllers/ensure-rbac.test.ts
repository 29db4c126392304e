import test from 'ava'
import type { ClusterRole, ClusterRoleBinding } from '../../../contract/resources/rbac.ts'
import { validateObject } from '../../../contract/resources/validate.ts'
import { systemClock } from '../../../kit/clock.ts'
import { seededRandom } from '../../../kit/random.ts'
import { type Asker, askerOf } from '../../../master/authorization/asker.ts'
import { decide } from '../../../master/authorization/decide.ts'
import { builtinBindings, builtinRoles } from '../../../master/controllers/builtin-roles.ts'
import { ensureRbac } from '../../../master/controllers/ensure-rbac.ts'
import { MemoryStore } from '../../../master/store/memory-store.ts'
import { kindOf, Objects } from '../../../master/store/objects.ts'
import { attributes, bookOf, noNodes, roleBinding, user } from '../authorization/fixtures.ts'

const roleKind = kindOf({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' })
const bindingKind = kindOf({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding' })

function newObjects(): { objects: Objects; store: MemoryStore } {
  const store = new MemoryStore()
  return { store, objects: new Objects({ store, clock: systemClock, random: seededRandom(1) }) }
}

test('what every cluster has keeps the rules that the API checks', t => {
  for (const object of [...builtinRoles, ...builtinBindings])
    t.deepEqual(validateObject(object), [], object.metadata.name)
})

test('a second start writes nothing', async t => {
  const { objects, store } = newObjects()
  await ensureRbac(objects)
  const { revision } = store
  await ensureRbac(objects)
  t.is(store.revision, revision)
  t.is((await objects.list(roleKind)).length, builtinRoles.length)
})

test('what is missing comes back, what was added stays, and who wants it otherwise says so', async t => {
  const { objects } = newObjects()
  await ensureRbac(objects)
  const mine = { verbs: ['get'], apiGroups: ['example.com'], resources: ['widgets'] }
  await objects.update<ClusterRole>({ kind: roleKind, name: 'system:aggregate-to-view' }, found => ({
    ...found,
    rules: [mine],
  }))
  await objects.update<ClusterRoleBinding>({ kind: bindingKind, name: 'cluster-admin' }, found => ({
    ...found,
    subjects: [user('ann')],
  }))
  await objects.update<ClusterRole>({ kind: roleKind, name: 'system:aggregate-to-edit' }, found => ({
    ...found,
    metadata: { ...found.metadata, annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } },
    rules: [],
  }))
  await objects.remove((await objects.get(roleKind, undefined, 'cluster-admin'))!, { anyVersion: true })
  await ensureRbac(objects)
  const role = async (name: string): Promise<ClusterRole> =>
    (await objects.get<ClusterRole>(roleKind, undefined, name))!
  const view = await role('system:aggregate-to-view')
  t.deepEqual(view.rules?.[0], mine)
  t.true(view.rules!.length > 5)
  t.deepEqual((await role('system:aggregate-to-edit')).rules, [])
  t.truthy(await role('cluster-admin'))
  const binding = await objects.get<ClusterRoleBinding>(bindingKind, undefined, 'cluster-admin')
  t.deepEqual(
    binding?.subjects?.map(({ name }) => name),
    ['ann', 'system:masters'],
  )
})

const asked: Array<[asked: string, view: boolean, edit: boolean, admin: boolean]> = [
  ['get pods a in x', true, true, true],
  ['watch deployments.apps in x', true, true, true],
  ['get pods/log a in x', true, true, true],
  ['list events in x', true, true, true],
  ['get serviceaccounts a in x', true, true, true],
  ['get namespaces x in x', true, true, true],
  ['get secrets a in x', false, true, true],
  ['list secrets in x', false, true, true],
  ['create pods in x', false, true, true],
  ['create pods/exec a in x', false, true, true],
  ['create pods/portforward a in x', false, true, true],
  ['create serviceaccounts/token a in x', false, true, true],
  ['update deployments.apps/scale a in x', false, true, true],
  ['update pods/status a in x', false, false, false],
  ['get roles.rbac.authorization.k8s.io a in x', false, false, true],
  ['create rolebindings.rbac.authorization.k8s.io in x', false, false, true],
  ['escalate roles.rbac.authorization.k8s.io a in x', false, false, false],
  ['create endpointslices.discovery.k8s.io in x', false, false, false],
  ['create events in x', false, false, false],
  ['delete namespaces x in x', false, false, false],
  ['get pods a in y', false, false, false],
  ['get nodes a', false, false, false],
  ['create jointokens.flotilla.dev', false, false, false],
  ['get users.flotilla.dev a', false, false, false],
  ['update secrets/encryptionkey', false, false, false],
]

for (const [what, ...expected] of asked) {
  test(`view, edit and admin of a namespace: ${what}`, t => {
    const bob = askerOf({ kind: 'user', name: 'bob' })
    const may = (role: string): boolean => {
      const book = bookOf(...builtinRoles, ...builtinBindings, roleBinding('b', `ClusterRole/${role}`, [user('bob')]))
      return decide({ book, nodes: noNodes }, bob, attributes(what)).allowed
    }
    t.deepEqual(['view', 'edit', 'admin'].map(may), expected)
  })
}

test('everybody may ask what he may, and the masters have their role too', t => {
  const book = bookOf(...builtinRoles, ...builtinBindings)
  const may = (asker: Asker, what: string): boolean => decide({ book, nodes: noNodes }, asker, attributes(what)).allowed
  const bob = askerOf({ kind: 'user', name: 'bob' })
  t.true(may(bob, 'create selfsubjectaccessreviews.authorization.k8s.io'))
  t.false(may(bob, 'create subjectaccessreviews.authorization.k8s.io'))
  t.true([...book.grantsOf({ username: 'x', groups: ['system:masters'] })].some(({ rule }) => rule.verbs.includes('*')))
})
