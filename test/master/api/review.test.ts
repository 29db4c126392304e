import test from 'ava'
import type { ReviewAttributes } from '../../../contract/wire/api.ts'
import { at, createPeople, type Person, rule } from './people.ts'

const getPods: ReviewAttributes = { verb: 'get', resource: 'pods', group: '', namespace: 'x' }

async function review(
  person: Person,
  as: { as?: string; asGroups?: string[] } = {},
  attributes = getPods,
): Promise<boolean> {
  const answer = await person.ask({ verb: 'review', attributes, ...as })
  return 'allowed' in answer && answer.allowed
}

test('everybody may ask what he may do, and the answer is what happens', async t => {
  const { person } = await createPeople(t)
  const bob = await person('bob', { x: [rule('get', 'pods')] })
  t.true(await review(bob))
  t.false(await review(bob, {}, { ...getPods, namespace: 'y' }))
  t.false(await review(bob, {}, { ...getPods, subresource: 'log' }))
  const { namespace: _all, ...everywhere } = getPods
  t.false(await review(bob, {}, everywhere))
})

test('who asks for somebody else must be let to stand in for him, by name and by each group', async t => {
  const { person, as } = await createPeople(t)
  await person('ann', { x: [rule('get', 'pods')] })
  const bob = await person('bob')
  const asking = { verb: 'review', attributes: getPods } as const
  t.is(await bob.code({ ...asking, as: 'ann' }), 'Forbidden')
  t.is(await bob.code({ ...asking, asGroups: ['system:masters'] }), 'BadRequest')
  t.is(
    await bob.refusal({ ...asking, as: 'ann' }),
    'users "ann" is forbidden: User "bob" cannot impersonate resource "users" in API group "" at the cluster scope',
  )
  const actor = await person('actor', { '*': [{ ...rule('impersonate', 'users'), resourceNames: ['ann'] }] })
  t.true(await review(actor, { as: 'ann' }))
  t.is(await actor.code({ ...asking, as: 'bob' }), 'Forbidden')
  t.is(await actor.code({ ...asking, as: 'ann', asGroups: ['dev'] }), 'Forbidden')
  t.is(await actor.code({ ...asking, as: 'no/body' }), 'BadRequest')
  t.is(await actor.code({ verb: 'rules', namespace: 'x', as: 'bob' }), 'Forbidden')
  t.false(await review(as('admin'), { as: 'bob' }))
  t.true(await review(as('admin'), { as: 'bob', asGroups: ['system:masters'] }))
})

test('a service account is stood in for in its namespace, and has the groups that go with it', async t => {
  const { person, objects, as } = await createPeople(t)
  const apiGroup = 'rbac.authorization.k8s.io'
  const roleRef = { apiGroup, kind: 'ClusterRole', name: 'view' }
  const subjects = [{ kind: 'Group', apiGroup, name: 'system:serviceaccounts:x' }]
  const metadata = { name: 'v', namespace: 'x' }
  await objects.create({ apiVersion: `${apiGroup}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects } as never)
  const actor = await person('actor', { x: [rule('impersonate', 'serviceaccounts')] })
  t.true(await review(actor, { as: 'system:serviceaccount:x:robot' }))
  t.is(await actor.code({ verb: 'review', attributes: getPods, as: 'system:serviceaccount:y:robot' }), 'Forbidden')
  t.false(await review(as('admin'), { as: 'system:serviceaccount:y:robot' }))
})

test('the rules of somebody are those of the namespace and of the cluster, with who he is', async t => {
  const { person, as } = await createPeople(t)
  const bob = await person('bob', { x: [rule('get', 'pods')], y: [rule('get', 'nodes')] }, ['dev'])
  const answer = await bob.ask({ verb: 'rules', namespace: 'x' })
  if (!('rules' in answer)) return t.fail()
  t.deepEqual(answer.user, { username: 'bob', groups: ['dev', 'system:authenticated'] })
  t.deepEqual(answer.rules, [
    rule('create', 'selfsubjectaccessreviews selfsubjectrulesreviews', 'authorization.k8s.io'),
    rule('get', 'pods'),
  ])
  const root = await as('admin').ask({ verb: 'rules', namespace: 'x' })
  t.deepEqual('rules' in root && root.rules[0], { verbs: ['*'], apiGroups: ['*'], resources: ['*'] })
  t.is(await as('admin').code({ verb: 'get', target: at('x/pods/none') }), 'NotFound')
})
