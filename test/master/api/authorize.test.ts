import test, { type ExecutionContext } from 'ava'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import type { ApiRequest } from '../../../contract/wire/api.ts'
import { readAttributes } from '../../../master/api/attributes.ts'
import type { Verb } from '../../../master/api/room.ts'
import { configMap, pod } from './harness.ts'
import { at, createPeople, type People, rule } from './people.ts'

const object = (name: string, namespace = 'x'): AnyObject => {
  const made = configMap(name)
  return { ...made, metadata: { ...made.metadata, namespace } }
}
const options = { command: ['ls'] }

/** Each request, and the one rule in `x` that lets it through (of all that somebody might have). */
const cases: Array<[request: ApiRequest, rule: ReturnType<typeof rule>]> = [
  [{ verb: 'get', target: at('x/configmaps/a') }, rule('get', 'configmaps')],
  [{ verb: 'list', target: at('x/configmaps') }, rule('list', 'configmaps')],
  [{ verb: 'watch', target: at('x/configmaps') }, rule('watch', 'configmaps')],
  [{ verb: 'create', target: at('x/configmaps'), object: object('new') }, rule('create', 'configmaps')],
  [{ verb: 'create', target: at('x/configmaps'), object: object('new'), dryRun: true }, rule('create', 'configmaps')],
  [{ verb: 'update', target: at('x/configmaps/a'), object: object('a') }, rule('update', 'configmaps')],
  [
    { verb: 'update', target: at('x/pods/web'), object: pod('web'), subresource: 'status' },
    rule('update', 'pods/status'),
  ],
  [{ verb: 'patch', target: at('x/configmaps/a'), patch: {}, patchType: 'merge' }, rule('patch', 'configmaps')],
  [{ verb: 'apply', target: at('x/configmaps/a'), object: object('a') }, rule('patch', 'configmaps')],
  [{ verb: 'apply', target: at('x/configmaps/new'), object: object('new') }, rule('patch create', 'configmaps')],
  [{ verb: 'delete', target: at('x/configmaps/a') }, rule('delete', 'configmaps')],
  [{ verb: 'delete', target: at('x/configmaps/a'), dryRun: true }, rule('delete', 'configmaps')],
  [{ verb: 'logs', target: at('x/pods/web'), options: {} }, rule('get', 'pods/log')],
  [{ verb: 'exec', target: at('x/pods/web'), options }, rule('create', 'pods/exec')],
  [{ verb: 'token', target: at('x/serviceaccounts/robot') }, rule('create', 'serviceaccounts/token')],
]

const everything = rule('get list watch create update patch delete deletecollection', 'configmaps pods serviceaccounts')
const subresources = rule('get update create patch', 'pods/status pods/log pods/exec serviceaccounts/token')

for (const [request, needed] of cases) {
  const what = `${request.verb} ${JSON.stringify({ ...request, verb: undefined, object: undefined })}`
  test(`${what} needs ${needed.verbs} on ${needed.resources}, and nothing else does`, async t => {
    const { person } = await withThings(t)
    // All the other rights together, and the same right in another namespace.
    const others = [everything, subresources].flatMap(({ verbs, resources = [], ...rest }) =>
      resources.map(resource => {
        const isIt = resource === needed.resources?.[0]
        return { ...rest, resources: [resource], verbs: verbs.filter(verb => !isIt || verb !== needed.verbs.at(-1)) }
      }),
    )
    const unable = await person('unable', { x: others, y: [needed] })
    t.is(await unable.code(request), 'Forbidden')
    const able = await person('able', { x: [needed] })
    t.not(await able.code(request), 'Forbidden')
  })
}

async function withThings(t: ExecutionContext): Promise<People> {
  const people = await createPeople(t)
  const { objects } = people
  await objects.create(object('a'))
  await objects.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', namespace: 'x' } })
  const web = pod('web', { nodeName: 'board-1' })
  await objects.create({ ...web, metadata: { ...web.metadata, namespace: 'x' } })
  return people
}

test('every verb has its words in RBAC', t => {
  const target = at('x/configmaps/a')
  const asked: Array<[Verb, object, string | undefined]> = [
    ['rotate', {}, 'update secrets/encryptionkey'],
    ['invite', {}, 'create jointokens'],
    ['version', {}, undefined],
    ['review', {}, 'create selfsubjectaccessreviews'],
    ['rules', {}, 'create selfsubjectrulesreviews'],
    ['sign', { target: at('*/users/bob') }, 'create users/certificate bob'],
    ['token', { target: at('*/users/bob') }, 'create users/token bob'],
    ['watch', { target }, 'watch configmaps a'],
    ['list', { target: at('x/configmaps') }, 'list configmaps'],
    ['list', { target, fieldSelector: 'data.a=1' }, 'list configmaps'],
    ['list', { target: at('x/configmaps'), fieldSelector: 'data.a=1,metadata.name=b' }, 'list configmaps b'],
    ['list', { target: at('x/configmaps'), fieldSelector: 'metadata.name!=b' }, 'list configmaps'],
    ['list', { target: at('x/configmaps'), fieldSelector: 'metadata.name=b\\,c' }, 'list configmaps'],
    ['create', { target, object: object('a') }, 'create configmaps'],
  ]
  for (const [verb, fields, words] of asked) {
    const read = readAttributes({ verb, ...fields } as ApiRequest)
    const { resource = '', subresource, name } = read ?? {}
    const path = subresource === undefined ? resource : `${resource}/${subresource}`
    t.is(
      read && `${read.verb} ${path}${name === undefined ? '' : ` ${name}`}`,
      words,
      `${verb} ${JSON.stringify(fields)}`,
    )
  }
})

test('what is in all namespaces is for those who have it in the whole cluster', async t => {
  const { person } = await withThings(t)
  const local = await person('local', { x: [rule('list watch', 'configmaps')], y: [rule('list watch', 'configmaps')] })
  const wide = await person('wide', { '*': [rule('list watch', 'configmaps')] })
  for (const verb of ['list', 'watch'] as const) {
    t.is(await local.code({ verb, target: at('x/configmaps') }), 'OK')
    t.is(await local.code({ verb, target: at('*/configmaps') }), 'Forbidden')
    t.is(await wide.code({ verb, target: at('*/configmaps') }), 'OK')
  }
})

test('a rule for one name reaches a list only by a selector for that name', async t => {
  const { person } = await withThings(t)
  const bob = await person('bob', { x: [{ ...rule('get list watch', 'configmaps'), resourceNames: ['a'] }] })
  t.is(await bob.code({ verb: 'get', target: at('x/configmaps/a') }), 'OK')
  t.is(await bob.code({ verb: 'get', target: at('x/configmaps/b') }), 'Forbidden')
  t.is(await bob.code({ verb: 'list', target: at('x/configmaps') }), 'Forbidden')
  t.is(await bob.code({ verb: 'list', target: at('x/configmaps/a') }), 'Forbidden', 'the target of a list has no name')
  t.is(await bob.code({ verb: 'list', target: at('x/configmaps'), fieldSelector: 'metadata.name=b' }), 'Forbidden')
  const one: ApiRequest = { verb: 'list', target: at('x/configmaps'), fieldSelector: 'metadata.name=a' }
  const answer = await bob.ask(one)
  t.deepEqual('list' in answer && answer.list.items.map(({ metadata }) => metadata.name), ['a'])
  const both: ApiRequest = { ...one, fieldSelector: 'metadata.name=a,metadata.name=b' }
  const none = await bob.ask(both)
  t.deepEqual('list' in none && none.list.items, [])
  t.is(await bob.code({ verb: 'watch', target: at('x/configmaps/a') }), 'OK')
})

test('a namespace counts as being in itself', async t => {
  const { person } = await withThings(t)
  const bob = await person('bob', { x: [rule('get list create', 'namespaces')] })
  t.is(await bob.code({ verb: 'get', target: at('*/namespaces/x') }), 'OK')
  t.is(await bob.code({ verb: 'get', target: at('*/namespaces/y') }), 'Forbidden')
  t.is(await bob.code({ verb: 'list', target: at('*/namespaces') }), 'Forbidden')
  const x = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'z' } }
  t.is(await bob.code({ verb: 'create', target: at('*/namespaces'), object: x }), 'Forbidden')
})

test('a refusal is in the words of Kubernetes, and comes before it is told whether there is such a thing', async t => {
  const { person } = await withThings(t)
  const bob = await person('bob')
  const words = 'User "bob" cannot get resource "configmaps" in API group "" in the namespace "x"'
  t.is(await bob.refusal({ verb: 'get', target: at('x/configmaps/a') }), `configmaps "a" is forbidden: ${words}`)
  const missing = await bob.refusal({ verb: 'get', target: at('x/configmaps/gone') })
  t.is(missing, `configmaps "gone" is forbidden: ${words}`)
  t.is(
    await bob.code({ verb: 'get', target: at('nowhere/configmaps/a') }),
    'Forbidden',
    'a namespace that is not there',
  )
  for (const name of ['web', 'gone']) {
    t.is(await bob.code({ verb: 'exec', target: at(`x/pods/${name}`), options }), 'Forbidden')
    t.is(await bob.code({ verb: 'logs', target: at(`x/pods/${name}`), options: {} }), 'Forbidden')
    t.is(await bob.code({ verb: 'delete', target: at(`x/pods/${name}`), uid: 'guess' }), 'Forbidden')
  }
  t.is(
    await bob.refusal({ verb: 'list', target: at('*/pods') }),
    'pods is forbidden: User "bob" cannot list resource "pods" in API group "" at the cluster scope',
  )
})

test('who is not in the cluster, or not any more, is told so; the version is for everybody who is', async t => {
  const { person, as, objects, node } = await createPeople(t)
  const bob = await person('bob')
  t.is(await bob.code({ verb: 'version' }), 'OK')
  t.is(await as('nobody').code({ verb: 'version' }), 'Unauthorized')
  t.is(await as('system:serviceaccount:x:robot').code({ verb: 'version' }), 'Unauthorized')
  t.is(await as('system:node:board-9').code({ verb: 'version' }), 'Unauthorized')
  t.is(await as('system:tool:wall').code({ verb: 'version' }), 'Forbidden')
  t.is(await as('system:joining').code({ verb: 'version' }), 'Forbidden')
  const revoke = async (kind: string, plural: string, name: string): Promise<void> => {
    const row = { kind, group: 'flotilla.dev', version: 'v1', plural, singular: '', shortNames: [], namespaced: false }
    await objects.update<AnyObject>({ kind: row, name }, found => ({
      ...found,
      spec: { ...found.spec, revoked: true },
    }))
  }
  await revoke('User', 'users', 'bob')
  t.is(await bob.code({ verb: 'version' }), 'Unauthorized')
  const board = await node('board-1')
  t.is(await board.code({ verb: 'version' }), 'OK')
  await revoke('NodeIdentity', 'nodeidentities', 'board-1')
  t.is(await board.code({ verb: 'version' }), 'Unauthorized')
})

test('a watch ends as soon as its reader may have it no longer', async t => {
  const { person, objects, create } = await createPeople(t)
  const bob = await person('bob', { default: [rule('watch', 'configmaps')] })
  const answer = await bob.ask({ verb: 'watch', target: at('default/configmaps') })
  if (!('frames' in answer)) return t.fail('no frames')
  const frames = answer.frames[Symbol.asyncIterator]()
  t.is((await frames.next()).value?.type, 'BOOKMARK')
  await create(configMap('seen'))
  t.is((await frames.next()).value?.type, 'ADDED')
  const [binding] = await objects.list({ ...bindingKind }, 'default')
  await objects.remove(binding!, { anyVersion: true })
  await create(configMap('unseen'))
  const last = (await frames.next()).value
  t.is(last?.type === 'ERROR' && last.error.code, 'Forbidden')
  t.true((await frames.next()).done)
})

const bindingKind = {
  kind: 'RoleBinding',
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'rolebindings',
  singular: 'rolebinding',
  shortNames: [],
  namespaced: true,
}
