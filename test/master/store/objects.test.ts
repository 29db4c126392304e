/** Kubernetes objects on the store: metadata, generations, versions, and who wins when several write. */
import test from 'ava'
import type { ConfigMap, Namespace } from '../../../contract/resources/core.ts'
import { findKind } from '../../../contract/resources/kinds.ts'
import type { ObjectMeta } from '../../../contract/resources/meta.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { type Random, seededRandom } from '../../../kit/random.ts'
import { MemoryStore } from '../../../master/store/memory-store.ts'
import { kindOf, Objects } from '../../../master/store/objects.ts'

const podKind = findKind('v1', 'Pod')!
const mapKind = findKind('v1', 'ConfigMap')!

function pod(name: string, metadata: Partial<ObjectMeta> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', ...metadata },
    spec: { containers: [{ name: 'web', image: 'web:1' }] },
  }
}

function bound(object: Pod, nodeName: string): Pod {
  return { ...object, spec: { ...object.spec, nodeName } }
}

function createBench(random: Random = seededRandom(1)) {
  const clock = new FakeClock(Date.UTC(2026, 0, 1))
  const store = new MemoryStore()
  return { clock, store, objects: new Objects({ store, clock, random }) }
}

test('a new object gets uid, time of birth, generation and version, whatever it brings', async t => {
  const { objects, store } = createBench()
  const sent = pod('a', { uid: 'mine', generation: 9, resourceVersion: '77', creationTimestamp: 'long ago' })
  const created = await objects.create(sent)
  t.like(created.metadata, { generation: 1, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' })
  t.regex(created.metadata.uid ?? '', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  t.deepEqual(await objects.get(podKind, 'default', 'a'), created)
  t.is(sent.metadata.uid, 'mine', 'what was given stays as it was')
  const stored = (await store.get('pods/default/a'))?.value as Pod
  t.false('resourceVersion' in stored.metadata)
})

test('the same name cannot be created twice, but in another namespace it can', async t => {
  const { objects } = createBench()
  await objects.create(pod('a'))
  const error = await t.throwsAsync(objects.create(pod('a')), { code: 'AlreadyExists' })
  t.is(error.message, 'cannot create Pod default/a: because it exists already')
  await t.notThrowsAsync(objects.create(pod('a', { namespace: 'other' })))
  await t.throwsAsync(objects.create(pod('')), { code: 'Invalid', message: /no name/ })
})

test('objects of the whole cluster have no namespace in their key', async t => {
  const { objects, store } = createBench()
  const namespace: Namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'prod' } }
  await objects.create(namespace)
  t.truthy(await store.get('namespaces/prod'))
  t.throws(() => kindOf({ apiVersion: 'v9', kind: 'Pod' }), { code: 'NotFound', message: /a Pod \(v9\)/ })
})

test('a generated name is the base, cut to fit, and five characters; a name that is taken is tried anew', async t => {
  const suffixes = ['aaaaa', 'aaaaa', 'aaaaa', 'bbbbb']
  const random = { ...seededRandom(1), suffix: () => suffixes.shift() ?? 'zzzzz' }
  const { objects } = createBench(random)
  const nameless = { ...pod(''), metadata: { name: '', namespace: 'default', generateName: 'web-' } }
  t.is((await objects.create(nameless)).metadata.name, 'web-aaaaa')
  t.is((await objects.create(nameless)).metadata.name, 'web-bbbbb')
  t.is((await objects.create(nameless)).metadata.name, 'web-zzzzz')
  await t.throwsAsync(objects.create(nameless), { code: 'AlreadyExists' })
  const long = { ...nameless, metadata: { ...nameless.metadata, generateName: 'x'.repeat(80) } }
  t.is((await objects.create(long)).metadata.name, `${'x'.repeat(58)}zzzzz`)
})

test('a list holds every object of a kind or a namespace, over all pages', async t => {
  const { objects } = createBench()
  await Promise.all(Array.from({ length: 501 }, (_, n) => objects.create(pod(`p${n}`))))
  await objects.create(pod('p0', { namespace: 'default-2' }))
  t.is((await objects.list(podKind)).length, 502)
  t.is((await objects.list(podKind, 'default')).length, 501)
  t.deepEqual(await objects.list(mapKind), [])
})

test('the generation grows with the wish, not with metadata or status', async t => {
  const { objects } = createBench()
  const first = await objects.create(pod('a'))
  const labelled = await objects.replace({ ...first, metadata: { ...first.metadata, labels: { app: 'web' } } })
  const running = await objects.replace<Pod>({ ...labelled, status: { phase: 'Running' } })
  t.is(running.metadata.generation, 1)
  const moved = await objects.replace(bound(running, 'board-1'))
  t.like(moved.metadata, { generation: 2, resourceVersion: '4', labels: { app: 'web' } })
})

test('uid and birth stay, whatever a replacement says', async t => {
  const { objects } = createBench()
  const first = await objects.create(pod('a'))
  const { resourceVersion, uid, creationTimestamp } = first.metadata
  const next = await objects.replace(
    bound(pod('a', { resourceVersion: resourceVersion!, creationTimestamp: 'now' }), 'b'),
  )
  t.like(next.metadata, { uid, creationTimestamp })
})

test('replacing by the same writes nothing', async t => {
  const { objects, store } = createBench()
  const first = await objects.create(pod('a'))
  const same = await objects.replace({ ...structuredClone(first), status: undefined } as unknown as Pod)
  t.is(same.metadata.resourceVersion, '1')
  t.is(store.revision, 1)
})

test('a replacement needs the version that it replaces', async t => {
  const { objects } = createBench()
  const first = await objects.create(pod('a'))
  await objects.replace(bound(first, 'board-1'))
  const stale = await t.throwsAsync(objects.replace(bound(first, 'board-2')), { code: 'Conflict' })
  t.is(stale.message, 'cannot replace Pod default/a: because it has changed since it was read (at 1, now 2)')
  await t.throwsAsync(objects.replace(pod('a')), { code: 'BadRequest', message: /carries no resourceVersion/ })
  for (const resourceVersion of ['0', 'abc', '1.5', '-1'])
    await t.throwsAsync(objects.replace(pod('a', { resourceVersion })), { code: 'BadRequest' })
  await t.throwsAsync(objects.replace(pod('none', { resourceVersion: '1' })), { code: 'NotFound' })
  await t.throwsAsync(objects.replace(pod('a', { resourceVersion: '2', uid: 'another' })), { code: 'Conflict' })
})

test('updates from many sides all arrive', async t => {
  const { objects } = createBench()
  const map: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'n', namespace: 'default' } }
  await objects.create(map)
  const ref = { kind: mapKind, namespace: 'default', name: 'n' }
  const add = (n: number) =>
    objects.update<ConfigMap>(ref, current => ({ ...current, data: { ...current.data, [`k${n}`]: '' } }))
  await Promise.all(Array.from({ length: 6 }, (_, n) => add(n)))
  t.is(Object.keys((await objects.get<ConfigMap>(mapKind, 'default', 'n'))?.data ?? {}).length, 6)
})

test('an update may decide to leave the object, and finds out that there is none', async t => {
  const { objects, store } = createBench()
  const first = await objects.create(pod('a'))
  const ref = { kind: podKind, namespace: 'default', name: 'a' }
  const left = await objects.update<Pod>(ref, current => {
    current.spec.nodeName = 'only in the copy'
    return undefined
  })
  t.deepEqual(left, first)
  t.is(store.revision, 1)
  t.is(await objects.update({ ...ref, name: 'none' }, current => current), undefined)
})

test('an update that always comes too late gives up', async t => {
  const { objects, store } = createBench()
  await objects.create(pod('a'))
  let tries = 0
  const update = objects.update<Pod>({ kind: podKind, namespace: 'default', name: 'a' }, current => {
    tries += 1
    // Somebody else is faster, each time: this is committed before what is returned.
    void store.commit([{ type: 'put', key: 'pods/default/a', value: bound(current, `board-${tries}`) }])
    return bound(current, 'late')
  })
  await t.throwsAsync(update, { code: 'Conflict' })
  t.is(tries, 8)
})

test('a removal takes this very object, in this very version', async t => {
  const { objects } = createBench()
  const first = await objects.create(pod('a'))
  const second = await objects.replace(bound(first, 'board-1'))
  await t.throwsAsync(objects.remove(first), { code: 'Conflict' })
  await objects.remove(second)
  await t.notThrowsAsync(objects.remove(second))
  const reborn = await objects.create(pod('a'))
  await objects.remove(second, { anyVersion: true })
  t.deepEqual(await objects.get(podKind, 'default', 'a'), reborn, 'another uid is another object')
  await objects.replace(bound(reborn, 'board-1'))
  await objects.remove(reborn, { anyVersion: true })
  t.is(await objects.get(podKind, 'default', 'a'), undefined)
})

test('several changes are one transaction, with one version', async t => {
  const { objects, store } = createBench()
  const [a, b, c] = [await objects.create(pod('a')), await objects.create(pod('b')), await objects.create(pod('c'))]
  const done = await objects.commitAll([
    { type: 'create', object: pod('d') },
    { type: 'replace', object: bound(a, 'board-1') },
    { type: 'replace', object: b },
    { type: 'remove', object: c },
  ])
  t.is(store.revision, 4)
  t.deepEqual(
    done.map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`),
    ['d@4', 'a@4', 'b@2', 'c@3'],
  )
  t.deepEqual(await objects.list(podKind), [done[1], b, done[0]] as Pod[])
})

test('when one of several changes cannot be, none is', async t => {
  const { objects, store } = createBench()
  const a = await objects.create(pod('a'))
  const b = await objects.create(pod('b'))
  const unchanged = { type: 'replace', object: b } as const
  const create = { type: 'create', object: pod('new') } as const
  await objects.replace(bound(a, 'board-1'))
  await t.throwsAsync(objects.commitAll([create, { type: 'remove', object: a }]), { code: 'Conflict' })
  await t.throwsAsync(objects.commitAll([create, { type: 'create', object: pod('a') }]), { code: 'Conflict' })
  const raced = objects.commitAll([create, unchanged])
  // Between the reading of `b` and the commit: the check that stands for the unchanged object fails.
  await store.commit([{ type: 'put', key: 'pods/default/b', value: { ...pod('b'), spec: { containers: [] } } }])
  await t.throwsAsync(raced, { code: 'Conflict' })
  t.is(await objects.get(podKind, 'default', 'new'), undefined)
})
