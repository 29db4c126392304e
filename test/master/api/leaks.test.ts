import test from 'ava'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import type { ApiRequest } from '../../../contract/wire/api.ts'
import type { AuditEntry } from '../../../master/audit/audit-entry.ts'
import { configMap, pod } from './harness.ts'
import { at, createPeople, rule } from './people.ts'

const inside = (namespace: string, object: AnyObject): AnyObject => ({
  ...object,
  metadata: { ...object.metadata, namespace },
})

test('a page that claims to go on from another namespace shows nothing of it', async t => {
  const { person, objects } = await createPeople(t)
  for (const name of ['a', 'b', 'c']) {
    await objects.create(inside('x', configMap(name)))
    await objects.create(inside('y', configMap(name)))
  }
  const bob = await person('bob', { x: [rule('list', 'configmaps')] })
  for (const after of ['configmaps/y/a', 'configmaps/default/', 'configmaps/', 'a', 'secrets/y/a', '\uffff', '']) {
    const token = Buffer.from(JSON.stringify([after, 1])).toString('base64url')
    const answer = await bob.ask({ verb: 'list', target: at('x/configmaps'), continue: token })
    const seen = 'list' in answer ? answer.list.items : []
    t.true(
      seen.every(({ kind, metadata }) => kind === 'ConfigMap' && metadata.namespace === 'x'),
      after,
    )
  }
})

test('events are those of the namespaces that one may look into', async t => {
  const { person, objects } = await createPeople(t)
  for (const namespace of ['x', 'y']) {
    const involvedObject = { kind: 'Pod', name: 'web', namespace }
    const event = { involvedObject, type: 'Normal', reason: 'Pulled', message: `in ${namespace}` }
    await objects.create({ apiVersion: 'v1', kind: 'Event', metadata: { name: 'e', namespace }, ...event } as AnyObject)
  }
  const bob = await person('bob', { x: [rule('get list watch', 'events')] })
  const answer = await bob.ask({ verb: 'list', target: at('x/events') })
  t.deepEqual('list' in answer && answer.list.items.map(({ message }) => message), ['in x'])
  t.is(await bob.code({ verb: 'list', target: at('*/events'), fieldSelector: 'metadata.namespace=x' }), 'Forbidden')
})

test('what a request says of its place counts, and what its object says may not differ', async t => {
  const { person } = await createPeople(t)
  const bob = await person('bob', { x: [rule('get list create patch update delete', 'configmaps')] })
  const object = inside('y', configMap('a'))
  const { namespace: _place, ...nowhere } = at('x/configmaps/a')
  t.is(await bob.code({ verb: 'create', target: { resource: 'configmaps', group: '' }, object }), 'Forbidden')
  t.is(await bob.code({ verb: 'create', target: at('x/configmaps'), object }), 'BadRequest')
  t.is(await bob.code({ verb: 'apply', target: at('x/configmaps/a'), object }), 'BadRequest')
  t.is(await bob.code({ verb: 'apply', target: nowhere, object }), 'Forbidden')
  t.is(await bob.code({ verb: 'update', target: nowhere, object }), 'Forbidden')
  t.is(await bob.code({ verb: 'get', target: nowhere }), 'Forbidden', 'it would be the default namespace')
})

test('a dry run in a namespace that is claimed to come asks for the same rights', async t => {
  const { person } = await createPeople(t)
  const bob = await person('bob', { x: [rule('create patch', 'configmaps')] })
  const dry = (namespace: string): ApiRequest => {
    const pendingNamespaces = [namespace]
    return {
      verb: 'apply',
      target: at(`${namespace}/configmaps/a`),
      object: configMap('a'),
      dryRun: true,
      pendingNamespaces,
    }
  }
  t.is(await bob.code(dry('x')), 'OK')
  t.is(await bob.code(dry('y')), 'Forbidden')
  t.is(await bob.code(dry('new')), 'Forbidden')
})

test('no write but that of the status changes the status, and that one nothing else', async t => {
  const { write, get, create } = await createPeople(t)
  const claimed = { phase: 'Succeeded', podIP: '10.0.0.1' }
  const made = await create({ ...pod('web'), status: claimed })
  t.deepEqual(made.object.status, { phase: 'Pending' })
  const target = at('default/pods/web')
  const object = { ...made.object, status: claimed }
  await write({ verb: 'update', target, object })
  await write({ verb: 'apply', target, object: { ...pod('web'), status: claimed } })
  await write({ verb: 'patch', target, patchType: 'merge', patch: { status: claimed } })
  await write({
    verb: 'patch',
    target,
    patchType: 'json',
    patch: [{ op: 'replace', path: '/status/phase', value: 'Failed' }],
  })
  t.deepEqual((await get('pods', 'web')).status, { phase: 'Pending' })
  const both = { ...(await get('pods', 'web')), status: { phase: 'Running' } }
  both.metadata = { ...both.metadata, labels: { sneaked: 'in' } }
  await write({ verb: 'update', subresource: 'status', target, object: both })
  const after = await get('pods', 'web')
  t.deepEqual(after.status, { phase: 'Running' })
  t.is(after.metadata.labels, undefined)
})

test('the audit log is told who asked for what and how it ended, and of no contents', async t => {
  const entries: AuditEntry[] = []
  const { person, api } = await createPeople(t, { audit: { record: entry => entries.push(entry) } })
  const bob = await person('bob', { x: [rule('create get', 'secrets')] })
  const data = { password: Buffer.from('hunter2').toString('base64') }
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { generateName: 'db-' }, data } as unknown as AnyObject
  entries.length = 0
  await bob.ask({ verb: 'create', target: at('x/secrets'), object: secret })
  await bob.code({ verb: 'get', target: at('y/secrets/db') })
  await bob.code({ verb: 'get', target: at('x/secrets/gone') })
  const asker = { identity: { kind: 'user', name: 'bob' } as const, client: 'c1', requestId: 'r1' }
  await api.handle({ verb: 'version' }, { ...asker, signal: new AbortController().signal })
  t.regex(entries[0]?.name ?? '', /^db-/)
  const told = entries.map(({ time: _time, name: _name, ...rest }) => rest)
  const secrets = { user: 'bob', resource: 'secrets', group: '' }
  t.deepEqual(told, [
    { ...secrets, verb: 'create', namespace: 'x', code: 'OK' },
    { ...secrets, verb: 'get', namespace: 'y', code: 'Forbidden' },
    { ...secrets, verb: 'get', namespace: 'x', code: 'NotFound' },
    { user: 'bob', verb: 'version', code: 'OK', client: 'c1', request: 'r1' },
  ])
  t.false(JSON.stringify(entries).includes(data.password))
})

test('a watch of one object by its name shows nothing of the others, not even of what was before', async t => {
  const { person, node, objects, store } = await createPeople(t)
  const first = store.revision
  const pod1 = {
    ...inside('x', pod('reader')),
    spec: { nodeName: 'board-1', containers: [], volumes: [] as unknown[] },
  }
  pod1.spec.volumes.push({ name: 'v', secret: { secretName: 'mine' } })
  await objects.create(pod1 as unknown as AnyObject)
  for (const namespace of ['x', 'y'])
    for (const name of ['other', 'mine'])
      await objects.create({ ...inside(namespace, configMap(name)), kind: 'Secret', data: {} } as AnyObject)
  const bob = await person('bob', { x: [{ ...rule('watch', 'secrets'), resourceNames: ['mine'] }] })
  const wide = await person('wide', { '*': [{ ...rule('watch', 'secrets'), resourceNames: ['mine'] }] })
  const askers = [
    { asker: bob, target: at('x/secrets'), expected: ['x/mine'] },
    { asker: await node('board-1'), target: at('x/secrets'), expected: ['x/mine'] },
    { asker: wide, target: at('*/secrets'), expected: ['x/mine', 'y/mine'] },
  ]
  for (const { asker, target, expected } of askers) {
    const narrow = { verb: 'watch', target, fieldSelector: 'metadata.name=mine', resourceVersion: `${first}` } as const
    const answer = await asker.ask(narrow)
    if (!('frames' in answer)) return t.fail()
    const seen: string[] = []
    const frames = answer.frames[Symbol.asyncIterator]()
    for (const _ of expected) {
      const { value } = await frames.next()
      if (value && 'object' in value) seen.push(`${value.object.metadata.namespace}/${value.object.metadata.name}`)
    }
    t.deepEqual(seen, expected)
    void frames.return?.(undefined)
  }
})
