import test from 'ava'
import type { KubernetesObject } from '../../../contract/resources/meta.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { seededRandom } from '../../../kit/random.ts'
import { deleteObject, planDeletion } from '../../../master/store/delete-object.ts'
import { MemoryStore } from '../../../master/store/memory-store.ts'
import { kindOf, Objects } from '../../../master/store/objects.ts'

const nowMs = Date.UTC(2026, 0, 1)
const live = { nowMs, nodeExists: true }

function makePod(spec: Partial<Pod['spec']> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', ...metadata },
    spec: { containers: [], ...spec },
  }
}

/** What deleting comes to: gone, left as it is, or marked with a time and a grace. */
function outcome(object: KubernetesObject, options: Parameters<typeof planDeletion>[1]): unknown {
  const plan = planDeletion(object, options)
  if (plan.type !== 'mark') return plan.type
  const { deletionTimestamp, deletionGracePeriodSeconds } = plan.object.metadata
  return [deletionTimestamp, deletionGracePeriodSeconds]
}

const configMap: KubernetesObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }
const bound = { nodeName: 'board-1' }
const finished = { ...makePod(bound), status: { phase: 'Succeeded' as const } }

const cases: Array<
  [title: string, object: KubernetesObject, options: Parameters<typeof planDeletion>[1], end: unknown]
> = [
  ['most objects go at once', configMap, live, 'remove'],
  ['a pod that is on no node goes at once', makePod(), live, 'remove'],
  ['a pod on a node gets 30 s', makePod(bound), live, ['2026-01-01T00:00:30Z', 30]],
  [
    'a pod may ask for more',
    makePod({ ...bound, terminationGracePeriodSeconds: 90 }),
    live,
    ['2026-01-01T00:01:30Z', 90],
  ],
  ['who deletes may grant less', makePod(bound), { ...live, gracePeriodSeconds: 5 }, ['2026-01-01T00:00:05Z', 5]],
  ['no grace at all waits for nobody', makePod(bound), { ...live, gracePeriodSeconds: 0 }, 'remove'],
  ['a pod that has finished needs none', finished, live, ['2026-01-01T00:00:00Z', 0]],
  ['a pod whose node has gone goes at once', makePod(bound), { nowMs, nodeExists: false }, 'remove'],
  [
    'a finalizer holds any object',
    { ...configMap, metadata: { name: 'a', finalizers: ['x/y'] } },
    live,
    ['2026-01-01T00:00:00Z', 0],
  ],
  ['a second deletion changes nothing', makePod(bound, { deletionTimestamp: '2026-01-01T00:00:10Z' }), live, 'wait'],
  [
    'unless it is in more of a hurry',
    makePod(bound, { deletionTimestamp: '2026-01-01T00:00:30Z' }),
    { ...live, gracePeriodSeconds: 1 },
    ['2026-01-01T00:00:01Z', 1],
  ],
]
for (const [title, object, options, end] of cases) test(title, t => t.deepEqual(outcome(object, options), end))

test('a namespace ends when it is empty: until then it is marked', t => {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } }
  const plan = planDeletion(namespace, live)
  t.like(plan, { type: 'mark', object: { status: { phase: 'Terminating' } } })
  if (plan.type === 'mark') t.is(planDeletion(plan.object, live).type, 'wait')
})

function openObjects(): Objects {
  return new Objects({ store: new MemoryStore(), clock: new FakeClock(nowMs), random: seededRandom(1) })
}

test('deleting twice, or what is not there, is fine', async t => {
  const objects = openObjects()
  const created = await objects.create(makePod())
  t.is((await deleteObject(objects, created, { nowMs })).outcome, 'deleted')
  t.is((await deleteObject(objects, created, { nowMs })).outcome, 'deleted')
})

test('another object of the same name is left alone', async t => {
  const objects = openObjects()
  const first = await objects.create(makePod())
  await deleteObject(objects, first, { nowMs })
  const second = await objects.create(makePod())
  await deleteObject(objects, first, { nowMs })
  t.is((await objects.get(kindOf(second), 'default', 'web'))?.metadata.uid, second.metadata.uid)
})

test('a pod on a node that is there is marked; when the node has gone, it goes', async t => {
  const objects = openObjects()
  const node = await objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'board-1' } })
  const pod = await objects.create(makePod(bound))
  t.is((await deleteObject(objects, pod, { nowMs })).outcome, 'deleting')
  await deleteObject(objects, node, { nowMs })
  t.is((await deleteObject(objects, pod, { nowMs })).outcome, 'deleted')
})

test('a change that comes in between does not lose the deletion', async t => {
  const objects = openObjects()
  const pod = await objects.create(makePod(bound))
  await objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'board-1' } })
  const relabel = objects.update<Pod>({ kind: kindOf(pod), namespace: 'default', name: 'web' }, current => ({
    ...current,
    metadata: { ...current.metadata, labels: { a: 'b' } },
  }))
  await Promise.all([deleteObject(objects, pod, { nowMs }), relabel])
  const stored = await objects.get<Pod>(kindOf(pod), 'default', 'web')
  t.is(stored?.metadata.labels?.['a'], 'b')
  t.is(stored?.metadata.deletionGracePeriodSeconds, 30)
})
