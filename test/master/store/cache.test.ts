/** The read model: whole at the start, in order after, and right again after it was left behind. */
import test, { type ExecutionContext } from 'ava'
import { findKind } from '../../../contract/resources/kinds.ts'
import type { KubernetesObject } from '../../../contract/resources/meta.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import { CodedError } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { createLog } from '../../../kit/log.ts'
import { seededRandom } from '../../../kit/random.ts'
import { Cache, type CacheParts, type Change } from '../../../master/store/cache.ts'
import { MemoryStore } from '../../../master/store/memory-store.ts'
import { Objects } from '../../../master/store/objects.ts'
import type { Page, Store, StoreEvent, Watch } from '../../../master/store/store.ts'
import { eventually } from '../../kit/eventually.ts'

const podKind = findKind('v1', 'Pod')!
const nodeKind = findKind('v1', 'Node')!

function pod(name: string, fields: { namespace?: string; node?: string; owner?: string } = {}): Pod {
  const { namespace = 'default', node, owner } = fields
  const reference = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: owner ?? '', controller: true }
  const metadata = { name, namespace, ...(owner && { ownerReferences: [reference] }) }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [], ...(node && { nodeName: node }) } }
}

function node(name: string): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name } }
}

/** A store whose watches can be broken; after that its lists fail as often as a test says, and no watch works meanwhile. */
class BrittleStore extends MemoryStore {
  failing = 0
  lists = 0
  onList: () => void = () => undefined
  #broken: Array<(error: Error) => void> = []

  override async list(prefix: string, options?: { limit?: number; after?: string }): Promise<Page> {
    this.lists += 1
    this.onList()
    if (this.failing-- > 0) throw new CodedError('ServiceUnavailable', 'cannot list: because the test says so')
    return super.list(prefix, options)
  }

  override watch(prefix: string, from: number): Watch {
    const watch = super.watch(prefix, from)
    const broken = new Promise<never>((_, reject) => this.#broken.push(reject))
    // Nobody may be waiting when it breaks.
    broken.catch(() => undefined)
    if (this.failing > 0) this.break(expired)
    const iterate = async function* (): AsyncGenerator<StoreEvent> {
      const inner = watch[Symbol.asyncIterator]()
      for (;;) {
        const { done, value } = await Promise.race([inner.next(), broken])
        if (done) return
        yield value
      }
    }
    return { close: () => watch.close(), [Symbol.asyncIterator]: iterate }
  }

  break(error: Error): void {
    for (const reject of this.#broken.splice(0)) reject(error)
  }
}

const expired = new CodedError('Expired', 'cannot watch: because the test says so')

async function createBench<S extends Store>(t: ExecutionContext, store: S, options: Partial<CacheParts> = {}) {
  const clock = new FakeClock()
  const lines: string[] = []
  const log = createLog({ clock, write: line => lines.push(line) })
  const objects = new Objects({ store, clock, random: seededRandom(1) })
  const cache = new Cache({ store, log, clock, ...options })
  t.teardown(() => cache.stop())
  return { clock, lines, objects, cache, settle: () => cache.atLeast(store.revision) }
}

/** `+default/web-1` for a put of something new, `~` for one that was known, `-` for a delete. */
function recordChanges(cache: Cache): string[] {
  const seen: string[] = []
  cache.onChange(({ type, object: { metadata }, previous }: Change) => {
    const sign = type === 'delete' ? '-' : previous ? '~' : '+'
    seen.push(`${sign}${metadata.namespace ? `${metadata.namespace}/` : ''}${metadata.name}`)
  })
  return seen
}

const names = (objects: readonly KubernetesObject[]): string[] => objects.map(({ metadata }) => metadata.name).sort()

test('after its start a cache holds everything, then what comes', async t => {
  const store = new MemoryStore()
  const { objects, cache, settle } = await createBench(t, store)
  // More than a page of the list.
  for (let n = 0; n < 501; n++) await objects.create(pod(`web-${n}`))
  await objects.create(node('board-1'))
  await cache.start()
  t.is(cache.revision, 502)
  t.is(cache.list(podKind).length, 501)
  t.is(cache.get(nodeKind, undefined, 'board-1')?.metadata.resourceVersion, '502')
  const web = (await objects.update<Pod>({ kind: podKind, namespace: 'default', name: 'web-7' }, current => ({
    ...current,
    spec: { ...current.spec, nodeName: 'board-1' },
  })))!
  await objects.remove(cache.get(podKind, 'default', 'web-8')!)
  await settle()
  t.deepEqual(cache.get(podKind, 'default', 'web-7'), web)
  t.is(cache.get(podKind, 'default', 'web-8'), undefined)
})

test('objects are found by namespace, by owner and by node, also after they moved', async t => {
  const { objects, cache, settle } = await createBench(t, new MemoryStore())
  await objects.create(pod('a', { owner: 'u1', node: 'board-1' }))
  await cache.start()
  const b = await objects.create(pod('b', { owner: 'u1' }))
  await objects.create(pod('c', { owner: 'u2', node: 'board-2', namespace: 'other' }))
  await settle()
  t.deepEqual(names(cache.list(podKind)), ['a', 'b', 'c'])
  t.deepEqual(names(cache.list(podKind, 'default')), ['a', 'b'])
  const of = (uid: string, namespace = 'default') => cache.ownedBy<Pod>(podKind, { uid, namespace })
  t.deepEqual(names(of('u1')), ['a', 'b'])
  t.deepEqual(names(of('u1', 'other')), [], 'nobody owns what is in another namespace')
  t.deepEqual(names(cache.ownedBy(nodeKind, { uid: 'u1', namespace: 'default' })), [])
  t.deepEqual(names(cache.podsOnNode('board-2')), ['c'])
  const { resourceVersion } = b.metadata
  await objects.replace({
    ...pod('b', { owner: 'u2', node: 'board-2' }),
    metadata: { ...pod('b', { owner: 'u2' }).metadata, resourceVersion: resourceVersion! },
  })
  await objects.remove(cache.get(podKind, 'default', 'a')!)
  await settle()
  t.deepEqual(names(of('u1')), [])
  t.deepEqual(names(of('u2')), ['b'])
  t.deepEqual(names(of('u2', 'other')), ['c'])
  t.deepEqual(names(cache.podsOnNode('board-2')), ['b', 'c'])
  t.deepEqual(names(cache.podsOnNode('board-1')), [])
})

test('whoever asks for changes gets all that is there, then each change, until it has had enough', async t => {
  const { objects, cache, settle } = await createBench(t, new MemoryStore())
  const a = await objects.create(pod('a'))
  await cache.start()
  const seen = recordChanges(cache)
  const early: string[] = []
  const stop = cache.onChange(({ object }) => early.push(object.metadata.name))
  stop()
  await objects.replace({ ...a, spec: { ...a.spec, nodeName: 'board-1' } })
  await objects.create(node('board-1'))
  await objects.remove(a, { anyVersion: true })
  await settle()
  t.deepEqual(seen, ['+default/a', '~default/a', '+board-1', '-default/a'])
  t.deepEqual(early, ['a'])
})

test('a handler that throws is logged, and the others go on', async t => {
  const { lines, objects, cache, settle } = await createBench(t, new MemoryStore())
  await cache.start()
  cache.onChange(() => {
    throw new Error('out of order')
  })
  const seen = recordChanges(cache)
  await objects.create(pod('a'))
  await settle()
  t.deepEqual(seen, ['+default/a'])
  t.is(lines.length, 1)
  t.regex(lines[0] ?? '', /a handler of the cache failed .*out of order.* name=a/)
})

test('the revision moves when a commit is there whole', async t => {
  const store = new MemoryStore()
  const { objects, cache } = await createBench(t, store)
  await cache.start()
  const views: Array<[string, number, number]> = []
  cache.onChange(({ object }) => views.push([object.metadata.name, cache.revision, cache.list(podKind).length]))
  await objects.commitAll(['a', 'b', 'c'].map(name => ({ type: 'create', object: pod(name) })))
  await cache.atLeast(1)
  t.deepEqual(views, [
    ['a', 0, 1],
    ['b', 0, 2],
    ['c', 0, 3],
  ])
  t.is(cache.revision, 1)
})

test('a cache that was left behind lists anew and tells the difference only', async t => {
  const store = new BrittleStore({ watchBacklog: 5 })
  const { lines, objects, cache, settle } = await createBench(t, store)
  await cache.start()
  for (const name of ['kept', 'changed', 'gone']) await objects.create(pod(name))
  await settle()
  const [seen, lists] = [recordChanges(cache), store.lists]
  // All in one turn of the event loop, more than the backlog: the cache reads none of it as it comes.
  const value = (name: string, nodeName: string): Pod => pod(name, { node: nodeName })
  for (let n = 0; n < 8; n++)
    void store.commit([{ type: 'put', key: 'pods/default/changed', value: value('changed', `board-${n}`) }])
  void store.commit([{ type: 'delete', key: 'pods/default/gone' }])
  void store.commit([{ type: 'put', key: 'pods/default/new', value: pod('new') }])
  await settle()
  t.is(store.lists, lists + 1)
  t.deepEqual(seen.toSorted(), [
    '+default/changed',
    '+default/gone',
    '+default/kept',
    '+default/new',
    '-default/gone',
    '~default/changed',
  ])
  t.deepEqual(names(cache.podsOnNode('board-7')), ['changed'])
  t.deepEqual(lines, [], 'this is no error')
  await objects.create(pod('later'))
  await settle()
  t.is(seen.at(-1), '+default/later')
})

test('a store that cannot be read for a while is tried again, later and later', async t => {
  const store = new BrittleStore()
  const { clock, lines, objects, cache, settle } = await createBench(t, store)
  await cache.start()
  const times: number[] = []
  store.onList = () => times.push(clock.monotonic())
  store.failing = 3
  store.break(new CodedError('ServiceUnavailable', 'cannot read: because the card is gone'))
  await objects.create(pod('a'))
  await eventually('the first try', () => times.length === 1)
  await eventually('all tries', async () => {
    await clock.advance(1000)
    return cache.get(podKind, 'default', 'a')
  })
  const [first = 0, second = 0, third = 0] = times
  t.is(times.length, 3)
  t.true(second > first && third - second > second - first, `tries at ${times}`)
  t.true(lines.some(line => line.includes('cannot follow the store')))
  store.break(expired)
  await objects.create(pod('b'))
  await settle()
  t.truthy(cache.get(podKind, 'default', 'b'))
})

test('waiting for a revision ends when it comes, and when the cache stops', async t => {
  const { objects, cache } = await createBench(t, new MemoryStore())
  await cache.start()
  await cache.atLeast(0)
  const order: string[] = []
  const second = cache.atLeast(2).then(() => order.push('second'))
  const never = cache.atLeast(99).then(() => order.push('stopped'))
  await objects.create(pod('a'))
  await cache.atLeast(1)
  order.push('first')
  await objects.create(pod('b'))
  await second
  await cache.stop()
  await never
  t.deepEqual(order, ['first', 'second', 'stopped'])
  await cache.atLeast(99)
  await cache.stop()
})

test('a store that closes ends the cache quietly', async t => {
  const store = new MemoryStore()
  const { lines, cache } = await createBench(t, store)
  await cache.start()
  const waiting = cache.atLeast(5)
  await store.close()
  await waiting
  await cache.stop()
  t.deepEqual(lines, [])
})

test('a start that cannot list says why', async t => {
  const store = new MemoryStore()
  const { cache } = await createBench(t, store)
  await store.close()
  await t.throwsAsync(cache.start(), { code: 'ServiceUnavailable' })
})

test('when asked to, a cache freezes what it holds, so that nobody can write to what all share', async t => {
  const { objects, cache, settle } = await createBench(t, new MemoryStore(), { freeze: true })
  await objects.create(pod('a'))
  await cache.start()
  await objects.create(pod('b', { node: 'board-1' }))
  await settle()
  for (const name of ['a', 'b']) {
    const found = cache.get<Pod>(podKind, 'default', name)!
    t.throws(() => Object.assign(found.metadata, { labels: {} }), { instanceOf: TypeError })
    t.throws(() => found.spec.containers.push({ name: 'x', image: 'x' }), { instanceOf: TypeError })
  }
})

test('what is no object of a known kind is left out', async t => {
  const store = new MemoryStore()
  const { cache, settle } = await createBench(t, store)
  await store.commit([{ type: 'put', key: 'strange/a', value: { apiVersion: 'v9', kind: 'Strange' } }])
  await cache.start()
  const seen = recordChanges(cache)
  await store.commit([{ type: 'put', key: 'strange/b', value: {} }])
  await store.commit([{ type: 'delete', key: 'strange/a' }])
  await settle()
  t.deepEqual(seen, [])
})
