import test from 'ava'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import { configMap, createHarness, deployment, namespace, service, target } from './harness.ts'

test('apply creates, then changes nothing, then changes what differs', async t => {
  const { apply, store } = await createHarness(t)
  t.is((await apply(deployment('web'))).outcome, 'created')
  const { revision } = store
  t.is((await apply(deployment('web'))).outcome, 'unchanged')
  t.is(store.revision, revision, 'what is unchanged is not written')
  t.is((await apply(deployment('web', 'web:2'))).outcome, 'configured')
})

test('a service keeps its address when it is applied again', async t => {
  const { apply } = await createHarness(t)
  const first = await apply(service('web', { type: 'NodePort' }))
  const again = await apply(service('web', { type: 'NodePort' }))
  t.is(again.outcome, 'unchanged')
  t.deepEqual(again.object.spec, first.object.spec)
})

test('the order of the fields is no change', async t => {
  const { apply } = await createHarness(t)
  await apply(configMap('a', { data: { x: '1', y: '2' } }))
  t.is((await apply(configMap('a', { data: { y: '2', x: '1' } }))).outcome, 'unchanged')
})

test('a field that left the manifest goes, one that someone else set stays', async t => {
  const { apply, write, get } = await createHarness(t)
  await apply(configMap('a', { data: { mine: '1', old: '2' } }))
  const patch = { data: { theirs: '3' } }
  await write({ verb: 'patch', target: target('configmaps', 'a'), patchType: 'merge', patch })
  await apply(configMap('a', { data: { mine: '1' } }))
  t.deepEqual((await get('configmaps', 'a'))['data'], { mine: '1', theirs: '3' })
})

test('an object that was created without apply is taken over', async t => {
  const { apply, create, get } = await createHarness(t)
  await create(configMap('a', { data: { x: '1', y: '2' } }))
  t.is((await apply(configMap('a', { data: { x: '5' } }))).outcome, 'configured')
  t.deepEqual((await get('configmaps', 'a'))['data'], { x: '5', y: '2' })
})

test('replicas that were scaled by hand stay when the manifest does not name them', async t => {
  const { apply, write, get } = await createHarness(t)
  const manifest = deployment('web')
  delete manifest.spec?.['replicas']
  await apply(manifest)
  await write({
    verb: 'patch',
    target: target('deployments', 'web'),
    patchType: 'merge',
    patch: { spec: { replicas: 7 } },
  })
  t.is((await apply(manifest)).outcome, 'unchanged')
  t.is((await get('deployments', 'web')).spec?.['replicas'], 7)
})

test('a status in the manifest is nobody else’s', async t => {
  const { apply, get } = await createHarness(t)
  await apply({ ...deployment('web'), status: { replicas: 42 } })
  t.deepEqual((await get('deployments', 'web')).status, {})
})

test('a broken annotation of an earlier apply removes nothing', async t => {
  const { apply, write, get } = await createHarness(t)
  await apply(configMap('a', { data: { x: '1', y: '2' } }))
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{broken' }
  await write({
    verb: 'patch',
    target: target('configmaps', 'a'),
    patchType: 'merge',
    patch: { metadata: { annotations } },
  })
  await apply(configMap('a', { data: { x: '1' } }))
  t.deepEqual((await get('configmaps', 'a'))['data'], { x: '1', y: '2' })
})

test('an old resourceVersion in the manifest is a conflict', async t => {
  const { apply } = await createHarness(t)
  const { object } = await apply(configMap('a'))
  await apply(configMap('a', { data: { a: '2' } }))
  const stale = configMap('a', { data: { a: '3' } })
  stale.metadata.resourceVersion = object.metadata.resourceVersion ?? ''
  await t.throwsAsync(apply(stale), { code: 'Conflict' })
})

test('applying the same at the same time ends in one object, and in no error', async t => {
  const { apply, names } = await createHarness(t)
  const results = await Promise.all(Array.from({ length: 6 }, () => apply(service('web'))))
  t.is(results.filter(({ outcome }) => outcome === 'created').length, 1)
  t.deepEqual(await names({ resource: 'services' }), ['web'])
})

test('a dry run takes namespaces for made that the same manifest makes', async t => {
  const { write, apply, store } = await createHarness(t)
  const { revision } = store
  const object: AnyObject = configMap('a')
  const request = { verb: 'apply', target: target('configmaps', undefined, 'dev'), object, dryRun: true } as const
  await t.throwsAsync(write(request), { code: 'NotFound', message: 'namespaces "dev" not found' })
  t.is((await write({ ...request, pendingNamespaces: ['dev'] })).outcome, 'created')
  t.is((await apply(namespace('dev'), { dryRun: true })).outcome, 'created')
  t.is(store.revision, revision)
})

test('what is being deleted is applied with a warning', async t => {
  const { apply, write } = await createHarness(t)
  const held = { ...configMap('a'), metadata: { name: 'a', finalizers: ['example.com/hold'] } }
  await apply(held)
  await write({ verb: 'delete', target: target('configmaps', 'a') })
  const { warnings } = await apply({ ...held, data: { b: '1' } })
  t.regex(warnings?.join() ?? '', /currently being deleted/)
})
