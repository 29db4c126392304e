import test from 'ava'
import { MemoryStore } from '../../../master/store/memory-store.ts'
import { configMap, createHarness, type Harness, pod, target } from './harness.ts'

const several = async ({ create }: Harness, count: number): Promise<void> => {
  for (let index = 0; index < count; index++) {
    const labels = { app: index % 2 === 0 ? 'web' : 'db' }
    await create(configMap(`c-${String(index).padStart(2, '0')}`, { labels }))
  }
}

test('a list has what its selectors mean', async t => {
  const harness = await createHarness(t)
  await several(harness, 4)
  const { names } = harness
  t.deepEqual(await names({ resource: 'configmaps', labelSelector: 'app=web' }), ['c-00', 'c-02'])
  t.deepEqual(await names({ resource: 'configmaps', labelSelector: 'app!=web' }), ['c-01', 'c-03'])
  t.deepEqual(await names({ resource: 'configmaps', fieldSelector: 'metadata.name=c-03' }), ['c-03'])
  await t.throwsAsync(names({ resource: 'configmaps', labelSelector: 'app in (' }), { code: 'BadRequest' })
})

test('pages together are the whole, and every one says from where a watch goes on', async t => {
  const harness = await createHarness(t)
  await several(harness, 7)
  const seen: string[] = []
  const versions = new Set<string>()
  let token: string | undefined
  do {
    const page = { limit: 3, ...(token !== undefined && { continue: token }) }
    const answer = await harness.ask({ verb: 'list', target: target('configmaps'), ...page })
    if (!('list' in answer)) return t.fail()
    t.true(answer.list.items.length <= 3)
    seen.push(...answer.list.items.map(item => item.metadata.name))
    versions.add(answer.list.metadata.resourceVersion)
    token = answer.list.metadata.continue
    await harness.create(configMap(`later-${seen.length}`))
  } while (token !== undefined && seen.length < 20)
  t.deepEqual(seen.slice(0, 7), ['c-00', 'c-01', 'c-02', 'c-03', 'c-04', 'c-05', 'c-06'])
  t.is(versions.size, 1)
})

test('pages through a selector skip nothing', async t => {
  const harness = await createHarness(t)
  await several(harness, 9)
  const first = await harness.ask({ verb: 'list', target: target('configmaps'), limit: 2, labelSelector: 'app=web' })
  if (!('list' in first)) return t.fail()
  const token = first.list.metadata.continue ?? ''
  const rest = await harness.names({ resource: 'configmaps', continue: token, labelSelector: 'app=web' })
  t.deepEqual([...first.list.items.map(item => item.metadata.name), ...rest], ['c-00', 'c-02', 'c-04', 'c-06', 'c-08'])
})

test('a page ends before it grows too large for the wire', async t => {
  const harness = await createHarness(t)
  for (let index = 0; index < 4; index++)
    await harness.create(configMap(`big-${index}`, { data: { a: 'x'.repeat(200_000) } }))
  const answer = await harness.ask({ verb: 'list', target: target('configmaps') })
  if (!('list' in answer)) return t.fail()
  t.is(answer.list.items.length, 2)
  t.truthy(answer.list.metadata.continue)
})

test('a continue token that is not ours is refused', async t => {
  const { names } = await createHarness(t)
  for (const token of ['x', '', Buffer.from('[1,2]').toString('base64url')])
    await t.throwsAsync(names({ resource: 'configmaps', continue: token }), { code: 'BadRequest' })
})

test('a list of all namespaces has those of each, and a namespace only its own', async t => {
  const { create, ask, names } = await createHarness(t)
  await create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'dev' } })
  await create(configMap('a'))
  await ask({ verb: 'create', target: target('configmaps', undefined, 'dev'), object: configMap('b') })
  t.deepEqual(await names({ resource: 'configmaps' }), ['a'])
  t.deepEqual(await names({ resource: 'configmaps', target: { resource: 'configmaps', group: '' } }), ['a', 'b'])
})

test('a watch says what there is, then where it stands, then each change', async t => {
  const { create, write, frames, store } = await createHarness(t)
  await create(configMap('a'))
  const watch = frames({ resource: 'configmaps' })
  t.deepEqual(await watch.take(1), ['ADDED a'])
  t.deepEqual(await watch.next(), { type: 'BOOKMARK', resourceVersion: String(store.revision) })
  await create(configMap('b'))
  await write({ verb: 'patch', target: target('configmaps', 'a'), patchType: 'merge', patch: { data: { b: '2' } } })
  await write({ verb: 'delete', target: target('configmaps', 'b') })
  t.deepEqual(await watch.take(3), ['ADDED b', 'MODIFIED a', 'DELETED b'])
})

test('a watch from a version has all that came after it', async t => {
  const { create, frames } = await createHarness(t)
  const { object } = await create(configMap('a'))
  await create(configMap('b'))
  await create(configMap('c'))
  const watch = frames({ resource: 'configmaps', resourceVersion: object.metadata.resourceVersion ?? '' })
  t.deepEqual(await watch.take(2), ['ADDED b', 'ADDED c'])
})

test('what comes under a selector is ADDED, what leaves it is DELETED, what never was under it is not told', async t => {
  const { create, write, frames } = await createHarness(t)
  const watch = frames({ resource: 'configmaps', labelSelector: 'app=web' })
  const label = (name: string, app: string): Promise<unknown> => {
    const patch = { metadata: { labels: { app } } }
    return write({ verb: 'patch', target: target('configmaps', name), patchType: 'merge', patch })
  }
  t.is((await watch.next()).type, 'BOOKMARK', 'there was nothing')
  await create(configMap('other', { labels: { app: 'db' } }))
  await create(configMap('a', { labels: { app: 'web' } }))
  await label('a', 'db')
  await label('other', 'cache')
  await label('other', 'web')
  await write({ verb: 'delete', target: target('configmaps', 'a') })
  await write({ verb: 'delete', target: target('configmaps', 'other') })
  t.deepEqual(await watch.take(4), ['ADDED a', 'DELETED a', 'ADDED other', 'DELETED other'])
})

test('a watch of one object tells of no other', async t => {
  const { create, frames } = await createHarness(t)
  const watch = frames({ resource: 'configmaps', target: target('configmaps', 'b') })
  t.is((await watch.next()).type, 'BOOKMARK', 'there was nothing')
  await create(configMap('a'))
  await create(configMap('b'))
  t.deepEqual(await watch.take(1), ['ADDED b'])
})

test('a watch of one object that resumes in the past tells of no other, not even of one with a longer name', async t => {
  const { create, write, frames } = await createHarness(t)
  const { object } = await create(configMap('b'))
  await create(configMap('a'))
  await create(configMap('b2'))
  const from = { resourceVersion: object.metadata.resourceVersion ?? '' }
  const watch = frames({ resource: 'configmaps', target: target('configmaps', 'b'), ...from })
  await write({ verb: 'delete', target: target('configmaps', 'b') })
  t.deepEqual(await watch.take(1), ['DELETED b'])
})

test('a version that the store has forgotten is answered with Expired', async t => {
  const harness = await createHarness(t, { store: new MemoryStore({ logRevisions: 4 }) })
  const { object } = await harness.create(configMap('a'))
  await several(harness, 12)
  const watch = harness.frames({ resource: 'configmaps', resourceVersion: object.metadata.resourceVersion ?? '' })
  t.deepEqual(await watch.take(1), ['ERROR Expired'])
})

test('a watch ends with its signal', async t => {
  const { ask } = await createHarness(t)
  const end = new AbortController()
  const answer = await ask({ verb: 'watch', target: target('configmaps') }, end.signal)
  if (!('frames' in answer)) return t.fail()
  setImmediate(() => end.abort())
  for await (const frame of answer.frames) t.is(frame.type, 'BOOKMARK')
})

test('logs and exec find the node of a running container, and say which containers there are', async t => {
  const { create, ask, write } = await createHarness(t)
  const containers = [
    { name: 'web', image: 'web:1' },
    { name: 'log', image: 'log:1' },
  ]
  const { object } = await create(pod('web-1', { containers, nodeName: 'board-2' }))
  const at = target('pods', 'web-1')
  const exec = (container?: string): Promise<unknown> =>
    ask({ verb: 'exec', target: at, options: { command: ['sh'], ...(container !== undefined && { container }) } })
  await t.throwsAsync(exec('wbe'), { code: 'BadRequest', message: /wbe is not valid for pod web-1.*\[web log\]/ })
  await t.throwsAsync(exec('log'), { code: 'BadRequest', message: /container "log" in pod "web-1" is not running/ })
  const running = { name: 'log', state: { running: {} }, image: '', imageID: '', ready: true, restartCount: 0 }
  const waiting = { ...running, name: 'web', state: { waiting: { reason: 'ImagePullBackOff' } } }
  const status = { phase: 'Running', containerStatuses: [running, waiting] }
  await write({
    verb: 'update',
    subresource: 'status',
    target: at,
    object: { ...object, metadata: { name: 'web-1' }, status },
  })
  t.deepEqual(await exec('log'), {
    node: 'board-2',
    forward: {
      verb: 'exec',
      pod: { namespace: 'default', name: 'web-1', uid: object.metadata.uid },
      container: 'log',
      options: { command: ['sh'] },
    },
  })
  const logs = ask({ verb: 'logs', target: at, options: {} })
  await t.throwsAsync(logs, { message: /"web" in pod "web-1" is waiting to start: ImagePullBackOff/ })
  const previous = ask({ verb: 'logs', target: at, options: { container: 'log', previous: true } })
  await t.throwsAsync(previous, { message: /previous terminated container "log"/ })
})

test('a pod without a node has nothing to say', async t => {
  const { create, ask } = await createHarness(t)
  await create(pod('web-1'))
  await t.throwsAsync(ask({ verb: 'logs', target: target('pods', 'web-1'), options: {} }), {
    code: 'BadRequest',
    message: 'pod web-1 does not have a host assigned',
  })
})

test('the version names program, cluster and epoch', async t => {
  const { ask } = await createHarness(t)
  t.deepEqual(await ask({ verb: 'version' }), { version: { flotilla: '0.0.0', cluster: 'home', epoch: 1 } })
})
