import test from 'ava'
import { configMap, createHarness, deployment, namespace, pod, service, target } from './harness.ts'

test('what is created can be got, with what the API adds', async t => {
  const { create, get } = await createHarness(t)
  const { object } = await create(deployment('web'))
  t.is(object.metadata.namespace, 'default')
  t.is(object.metadata.generation, 1)
  t.truthy(object.metadata.uid)
  t.truthy(object.metadata.creationTimestamp)
  t.is(object.spec?.['revisionHistoryLimit'], 10)
  t.deepEqual(await get('deployments', 'web'), object)
})

test('refusals are in the words of Kubernetes', async t => {
  const { create, get, write } = await createHarness(t)
  await create(deployment('web'))
  await t.throwsAsync(get('deployments', 'api'), { code: 'NotFound', message: 'deployments.apps "api" not found' })
  await t.throwsAsync(get('pods', 'api'), { code: 'NotFound', message: 'pods "api" not found' })
  await t.throwsAsync(create(deployment('web')), {
    code: 'AlreadyExists',
    message: 'deployments.apps "web" already exists',
  })
  await t.throwsAsync(write({ verb: 'get', target: { resource: 'gadgets', group: 'example.com', name: 'x' } }), {
    code: 'NotFound',
    message: 'the server doesn\'t have a resource type "gadgets.example.com"',
  })
})

test('a name is generated, and names that were generated before are left alone', async t => {
  const { create } = await createHarness(t)
  const make = (): object => ({ ...pod(''), metadata: { generateName: 'web-' } })
  const names = await Promise.all(Array.from({ length: 20 }, async () => (await create(make())).object.metadata.name))
  t.true(names.every(name => /^web-[a-z0-9]{5}$/.test(name)))
  t.is(new Set(names).size, 20)
})

test('nothing is created in a namespace that is not there, or is going', async t => {
  const { create, write } = await createHarness(t)
  const make = (name: string): Promise<unknown> =>
    write({ verb: 'create', target: target('configmaps', undefined, 'dev'), object: configMap(name) })
  await t.throwsAsync(make('a'), { code: 'NotFound', message: 'namespaces "dev" not found' })
  await create(namespace('dev'))
  await make('a')
  await write({ verb: 'delete', target: target('namespaces', 'dev') })
  await t.throwsAsync(make('b'), { code: 'Forbidden', message: /namespace dev because it is being terminated/ })
})

test('an object that is too large is refused', async t => {
  const { create } = await createHarness(t)
  const big = configMap('big', { data: { a: 'x'.repeat(1024 * 1024) } })
  await t.throwsAsync(create(big), { code: 'RequestEntityTooLarge' })
})

test('all that is wrong with an object is said at once, with paths, and nothing is stored', async t => {
  const { create, names } = await createHarness(t)
  const broken = deployment('web')
  broken.spec = { ...broken.spec, replicas: 'two', revisonHistoryLimit: 3 }
  const error = await t.throwsAsync(create(broken), { code: 'Invalid' })
  t.regex(error?.message ?? '', /^Deployment.apps "web" is invalid: \[/)
  const { problems } = error as unknown as { problems: Array<{ path: string }> }
  t.deepEqual(problems.map(({ path }) => path).sort(), ['spec.replicas', 'spec.revisonHistoryLimit'])
  t.deepEqual(await names({ resource: 'deployments' }), [])
})

test('an update needs the version that it was made from, if it names one', async t => {
  const { create, write } = await createHarness(t)
  const { object: first } = await create(configMap('a'))
  const update = (object: typeof first): Promise<unknown> =>
    write({ verb: 'update', target: target('configmaps', 'a'), object })
  await update({ ...first, data: { a: '2' } })
  await t.throwsAsync(update({ ...first, data: { a: '3' } }), {
    code: 'Conflict',
    message: /^Operation cannot be fulfilled on configmaps "a": the object has been modified/,
  })
  const { resourceVersion: _version, ...metadata } = first.metadata
  await t.notThrowsAsync(update({ ...first, metadata, data: { a: '4' } }))
})

test('an update of the spec leaves the status, and one of the status leaves the spec', async t => {
  const { create, write, get } = await createHarness(t)
  const { object } = await create({ ...deployment('web'), status: { replicas: 99 } })
  t.deepEqual(object.status, {})
  const at = target('deployments', 'web')
  const status = { replicas: 2, observedGeneration: 1 }
  const spec = { ...object.spec, replicas: 9 }
  await write({ verb: 'update', target: at, subresource: 'status', object: { ...object, spec, status } })
  const between = await get('deployments', 'web')
  t.is(between.spec?.['replicas'], 2)
  t.is(between.metadata.generation, 1)
  t.deepEqual(between.status, status)
  await write({ verb: 'update', target: at, object: { ...between, spec, status: { replicas: 0 } } })
  const after = await get('deployments', 'web')
  t.is(after.spec?.['replicas'], 9)
  t.is(after.metadata.generation, 2)
  t.deepEqual(after.status, status)
})

test('a status that no rule would pass does not stand in the way of the spec', async t => {
  const { create, objects, write } = await createHarness(t)
  const { object } = await create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'board-1' }, spec: {} })
  await objects.replace({ ...object, status: { nodeInfo: { architecture: 'arm64' } } })
  const patch = { spec: { unschedulable: true } }
  const patched = await write({ verb: 'patch', target: target('nodes', 'board-1'), patchType: 'merge', patch })
  t.deepEqual(patched.object.status, { nodeInfo: { architecture: 'arm64' } })
})

test('a patch changes what it names, whatever happened meanwhile', async t => {
  const { create, write, get } = await createHarness(t)
  await create(configMap('a', { data: { x: '1' } }))
  const patches = Array.from({ length: 8 }, (_, index) =>
    write({
      verb: 'patch',
      target: target('configmaps', 'a'),
      patchType: 'merge',
      patch: { data: { [`k${index}`]: 'v' } },
    }),
  )
  await Promise.all(patches)
  t.is(Object.keys((await get('configmaps', 'a'))['data'] as object).length, 9)
  const patch = [{ op: 'remove', path: '/data/x' }]
  await write({ verb: 'patch', target: target('configmaps', 'a'), patchType: 'json', patch })
  t.false('x' in ((await get('configmaps', 'a'))['data'] as object))
})

test('a patch cannot make another object of it', async t => {
  const { create, write } = await createHarness(t)
  await create(configMap('a'))
  for (const patch of [{ kind: 'Secret' }, { metadata: { name: 'b' } }, { metadata: null }, null, 'x'])
    await t.throwsAsync(write({ verb: 'patch', target: target('configmaps', 'a'), patchType: 'merge', patch }), {
      code: 'BadRequest',
    })
})

test('what clients say of birth and death is not believed', async t => {
  const { create, write } = await createHarness(t)
  const lie = { uid: 'mine', creationTimestamp: '1999-01-01T00:00:00Z', deletionTimestamp: '1999-01-01T00:00:00Z' }
  const { object } = await create({ ...configMap('a'), metadata: { name: 'a', ...lie, generation: 7 } })
  t.not(object.metadata.uid, 'mine')
  t.is(object.metadata.generation, 1)
  t.is(object.metadata.deletionTimestamp, undefined)
  const metadata = { ...object.metadata, deletionTimestamp: lie.deletionTimestamp }
  const updated = await write({ verb: 'update', target: target('configmaps', 'a'), object: { ...object, metadata } })
  t.is(updated.object.metadata.deletionTimestamp, undefined)
})

test('delete removes, or marks what has to be waited for', async t => {
  const { create, write, names } = await createHarness(t)
  await create(configMap('a'))
  t.is((await write({ verb: 'delete', target: target('configmaps', 'a') })).outcome, 'deleted')
  t.deepEqual(await names({ resource: 'configmaps' }), [])
  await create({ ...configMap('b'), metadata: { name: 'b', finalizers: ['example.com/hold'] } })
  t.is((await write({ verb: 'delete', target: target('configmaps', 'b') })).outcome, 'deleting')
  const patch = { metadata: { finalizers: null } }
  await write({ verb: 'patch', target: target('configmaps', 'b'), patchType: 'merge', patch })
  t.deepEqual(await names({ resource: 'configmaps' }), [], 'the last finalizer was what held it')
})

test('delete minds the uid, and the namespace that everything needs', async t => {
  const { create, write } = await createHarness(t)
  await create(configMap('a'))
  await t.throwsAsync(write({ verb: 'delete', target: target('configmaps', 'a'), uid: 'another' }), {
    code: 'Conflict',
  })
  await t.throwsAsync(write({ verb: 'delete', target: target('namespaces', 'default') }), { code: 'Forbidden' })
})

test('a dry run says what would be, and changes nothing', async t => {
  const { create, write, names, store } = await createHarness(t)
  await create(configMap('a'))
  const before = store.revision
  const at = target('configmaps', 'a')
  const dry = { dryRun: true }
  t.is((await write({ verb: 'create', target: target('services'), object: service('s'), ...dry })).outcome, 'created')
  t.is((await write({ verb: 'delete', target: at, ...dry })).outcome, 'deleted')
  const patch = { data: { b: '2' } }
  t.is((await write({ verb: 'patch', target: at, patchType: 'merge', patch, ...dry })).outcome, 'configured')
  await t.throwsAsync(write({ verb: 'create', target: target('configmaps'), object: configMap('a'), ...dry }), {
    code: 'AlreadyExists',
  })
  t.is(store.revision, before)
  t.deepEqual(await names({ resource: 'services' }), [])
})

test('what is only observed cannot be written', async t => {
  const { write, nodeUsage, get, names } = await createHarness(t)
  nodeUsage.set('board-1', { timestamp: '2026-01-01T00:00:00Z', usage: { cpu: '250m' } })
  t.deepEqual(await names({ resource: 'nodemetrics' }), ['board-1'])
  t.deepEqual((await get('nodemetrics', 'board-1'))['usage'], { cpu: '250m' })
  await t.throwsAsync(write({ verb: 'delete', target: target('nodemetrics', 'board-1') }), { code: 'BadRequest' })
})
