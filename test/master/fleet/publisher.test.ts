import test, { type ExecutionContext } from 'ava'
import type { ConfigMap } from '../../../contract/resources/core.ts'
import type { Node } from '../../../contract/resources/node.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import { type EndpointSlice, type Service, serviceNameLabel } from '../../../contract/resources/service.ts'
import type { Message } from '../../../kit/bus/bus.ts'
import { configMapKind, endpointSliceKind, nodeKind, podKind } from '../../../master/fleet/kinds.ts'
import { makeNode, makePod, names, nodeStatus, podStatus, Rig, readCollection, startPublisher, topics } from './rig.ts'

/** A publication is gathered for 10 ms. */
const gatheredMs = 20

async function publishing(t: ExecutionContext): Promise<Rig> {
  const rig = await new Rig().start(t)
  await startPublisher(t, { bus: rig.master, cache: rig.room.cache, clock: rig.clock })
  await rig.advance(gatheredMs)
  return rig
}

/** What goes over the wire from now on. */
async function spy(rig: Rig): Promise<Message[]> {
  const seen: Message[] = []
  await rig.broker.connect('spy').subscribe('#', message => seen.push(message))
  await rig.rest()
  seen.length = 0
  return seen
}

function bytesOf(messages: Message[]): number {
  return messages.reduce((sum, { payload }) => sum + payload.length, 0)
}

function changePod(rig: Rig, name: string, change: (pod: Pod) => Pod): Promise<unknown> {
  return rig.room.objects.update<Pod>({ kind: podKind, namespace: 'default', name }, change)
}

async function board(rig: Rig, { pods }: { pods: number }): Promise<void> {
  await rig.create(makeNode('board-1', '10.244.1.0/24'))
  for (let index = 0; index < pods; index++) await rig.create(makePod(`pod-${index}`, 'board-1'))
  await rig.advance(gatheredMs)
}

test('a board reads what it is to run, and each change of it', async t => {
  const rig = await publishing(t)
  await board(rig, { pods: 1 })
  const got = await readCollection(t, rig, topics.nodeWish('board-1'))
  t.deepEqual(names(got.at(-1)), ['node', 'pods/default/pod-0'])
  await rig.create(makePod('pod-1', 'board-1'))
  await rig.create(makePod('elsewhere', 'board-2'))
  await rig.create(makePod('nowhere'))
  await rig.advance(gatheredMs)
  t.deepEqual(names(got.at(-1)), ['node', 'pods/default/pod-0', 'pods/default/pod-1'])
  t.is(got.length, 2)
})

test('a pod is told when it is bound, when it is to end, and not any more when it is gone', async t => {
  const rig = await publishing(t)
  await board(rig, { pods: 0 })
  const got = await readCollection(t, rig, topics.nodeWish('board-1'))
  await rig.create(makePod('web'))
  await changePod(rig, 'web', pod => ({ ...pod, spec: { ...pod.spec, nodeName: 'board-1' } }))
  await rig.advance(gatheredMs)
  const deletionTimestamp = '2026-01-01T00:00:30Z'
  await changePod(rig, 'web', pod => ({ ...pod, metadata: { ...pod.metadata, deletionTimestamp } }))
  await rig.advance(gatheredMs)
  await rig.room.objects.remove((await rig.pod('web'))!)
  await rig.advance(gatheredMs)
  const told = got.map(({ documents }) => documents.get('pods/default/web') as Pod | undefined)
  t.deepEqual(
    told.map(pod => pod && (pod.metadata.deletionTimestamp ?? 'runs')),
    [undefined, 'runs', deletionTimestamp, undefined],
  )
})

test('what agents report of pods and nodes costs not one message', async t => {
  const rig = await publishing(t)
  await board(rig, { pods: 3 })
  const seen = await spy(rig)
  await changePod(rig, 'pod-1', pod => ({ ...pod, status: podStatus() }))
  await changePod(rig, 'pod-2', pod => ({ ...pod, metadata: { ...pod.metadata, finalizers: ['a/b'] } }))
  await rig.room.objects.update<Node>({ kind: nodeKind, name: 'board-1' }, node => ({
    ...node,
    metadata: { ...node.metadata, labels: { room: 'cellar' } },
    status: nodeStatus({ conditions: [] }),
  }))
  await rig.advance(gatheredMs)
  t.deepEqual(
    seen.map(({ topic }) => topic),
    [],
  )
})

test('what no agent needs to know is not even rendered', async t => {
  const rig = await publishing(t)
  await board(rig, { pods: 3 })
  const reader = makePod('reader', 'board-1')
  const containers = [{ name: 'web', image: 'web:1', envFrom: [{ configMapRef: { name: 'settings' } }] }]
  await rig.create<Pod>({ ...reader, spec: { ...reader.spec, containers } })
  const metadata = { name: 'settings', namespace: 'default' }
  await rig.create<ConfigMap>({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: '1' } })
  await rig.advance(gatheredMs)
  const { cache } = rig.room
  let rendered = 0
  const { podsOnNode } = cache
  cache.podsOnNode = name => {
    rendered += 1
    return podsOnNode.call(cache, name)
  }
  await changePod(rig, 'pod-1', pod => ({ ...pod, status: podStatus() }))
  await rig.room.objects.update<Node>({ kind: nodeKind, name: 'board-1' }, node => ({ ...node, status: {} }))
  await rig.room.objects.update<ConfigMap>({ kind: configMapKind, namespace: 'default', name: 'settings' }, map => ({
    ...map,
    metadata: { ...map.metadata, labels: { a: 'b' } },
  }))
  await rig.advance(gatheredMs)
  t.is(rendered, 0)
  await changePod(rig, 'pod-1', pod => ({ ...pod, metadata: { ...pod.metadata, labels: { app: 'web' } } }))
  await changePod(rig, 'pod-2', pod => ({ ...pod, metadata: { ...pod.metadata, labels: { app: 'web' } } }))
  await rig.advance(gatheredMs)
  t.is(rendered, 1, 'changes that come together are rendered together')
})

test('a change costs the changed document, an index and a removal, however many pods there are', async t => {
  const rig = await publishing(t)
  await board(rig, { pods: 40 })
  const seen = await spy(rig)
  await changePod(rig, 'pod-7', pod => ({ ...pod, metadata: { ...pod.metadata, labels: { app: 'web' } } }))
  await rig.advance(gatheredMs)
  const leaves = seen.map(({ topic, payload }) => [topics.parseNode(topic)?.leaf.split('/')[1], payload.length > 0])
  t.deepEqual(leaves, [
    ['docs', true],
    ['index', true],
    ['docs', false],
  ])
  const documents = seen.filter(({ topic }) => topic.includes('/docs/'))
  t.true(bytesOf(documents) < 400, `${bytesOf(documents)} bytes for one pod`)
  const index = seen.find(({ topic }) => topic.endsWith('/index'))
  t.true(index!.payload.length < 42 * 60 + 200, 'some sixty bytes for each document')
})

test('a ConfigMap reaches the boards whose pods mention it, and only when its data changes', async t => {
  const rig = await publishing(t)
  await board(rig, { pods: 1 })
  await rig.create(makeNode('board-2', '10.244.2.0/24'))
  const reader = makePod('reader', 'board-2')
  const containers = [{ name: 'web', image: 'web:1', envFrom: [{ configMapRef: { name: 'settings' } }] }]
  await rig.create<Pod>({ ...reader, spec: { ...reader.spec, containers } })
  const metadata = { name: 'settings', namespace: 'default' }
  await rig.create<ConfigMap>({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: '1' } })
  await rig.advance(gatheredMs)
  const [without, with_] = [
    await readCollection(t, rig, topics.nodeWish('board-1')),
    await readCollection(t, rig, topics.nodeWish('board-2')),
  ]
  t.deepEqual(names(without.at(-1)), ['node', 'pods/default/pod-0'])
  t.like(with_.at(-1)?.documents.get('configmaps/default/settings'), { data: { a: '1' } })
  const change = (to: (map: ConfigMap) => ConfigMap): Promise<unknown> =>
    rig.room.objects.update<ConfigMap>({ kind: configMapKind, namespace: 'default', name: 'settings' }, to)
  await change(map => ({ ...map, metadata: { ...map.metadata, labels: { a: 'b' } } }))
  await rig.advance(gatheredMs)
  await change(map => ({ ...map, data: { a: '2' } }))
  await rig.advance(gatheredMs)
  t.like(with_.at(-1)?.documents.get('configmaps/default/settings'), { data: { a: '2' } })
  t.deepEqual([without.length, with_.length], [1, 2])
})

async function makeService(rig: Rig, name: string, ips: string[]): Promise<void> {
  const metadata = { name, namespace: 'default' }
  const spec = { clusterIP: '10.96.0.9', ports: [{ port: 80 }] }
  const service = await rig.create<Service>({ apiVersion: 'v1', kind: 'Service', metadata, spec })
  const owner = { apiVersion: 'v1', kind: 'Service', name, uid: service.metadata.uid ?? '', controller: true }
  await rig.create<EndpointSlice>({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, labels: { [serviceNameLabel]: name }, ownerReferences: [owner] },
    addressType: 'IPv4',
    endpoints: ips.map(ip => ({ addresses: [ip], nodeName: 'board-1' })),
    ports: [{ port: 8080 }],
  })
}

test('all boards share one table of nodes and services, and a change of one service costs its own row', async t => {
  const rig = await publishing(t)
  await board(rig, { pods: 0 })
  for (let index = 0; index < 30; index++) await makeService(rig, `service-${index}`, [`10.244.1.${index}`])
  await rig.advance(gatheredMs)
  const got = await readCollection(t, rig, topics.network)
  t.is(got.at(-1)?.documents.size, 31)
  t.like(got.at(-1)?.documents.get('nodes/board-1'), { address: '10.77.0.11', podCIDR: '10.244.1.0/24' })
  const seen = await spy(rig)
  await rig.room.objects.update<EndpointSlice>(
    { kind: endpointSliceKind, namespace: 'default', name: 'service-7' },
    slice => ({ ...slice, endpoints: [] }),
  )
  await rig.advance(gatheredMs)
  t.is(seen.length, 3)
  t.true(bytesOf(seen.filter(({ topic }) => topic.includes('/docs/'))) < 250)
  const ports = [{ name: '', protocol: 'TCP', port: 80, endpoints: [] }]
  t.like(got.at(-1)?.documents.get('services/default/service-7'), { ports })
})

test('a broker that forgot is told everything again', async t => {
  const rig = await publishing(t)
  await board(rig, { pods: 2 })
  rig.broker.clearRetained()
  rig.master.cut()
  await changePod(rig, 'pod-1', pod => ({ ...pod, metadata: { ...pod.metadata, labels: { app: 'new' } } }))
  await rig.advance(1000)
  rig.master.mend()
  await rig.advance(gatheredMs)
  const wish = await readCollection(t, rig, topics.nodeWish('board-1'))
  t.deepEqual(names(wish.at(-1)), ['node', 'pods/default/pod-0', 'pods/default/pod-1'])
  t.like(wish.at(-1)?.documents.get('pods/default/pod-1'), { metadata: { labels: { app: 'new' } } })
  const network = await readCollection(t, rig, topics.network)
  t.deepEqual(names(network.at(-1)), ['nodes/board-1'])
})

test('of a node that is deleted the broker keeps nothing', async t => {
  const rig = await publishing(t)
  await board(rig, { pods: 2 })
  const agent = rig.agent('board-1')
  await agent.say({ online: true })
  agent.bus.cut()
  await rig.rest()
  await rig.room.objects.remove((await rig.node('board-1'))!)
  await rig.advance(gatheredMs)
  const left = rig.broker.retainedTopics().filter(topic => topics.parseNode(topic))
  t.deepEqual(left, [])
  const network = await readCollection(t, rig, topics.network)
  t.deepEqual(names(network.at(-1)), [])
})

test('a deleted node is cleared also when the broker was away at that moment', async t => {
  const rig = await publishing(t)
  await board(rig, { pods: 2 })
  rig.master.cut()
  await rig.room.objects.remove((await rig.node('board-1'))!)
  await rig.advance(2000)
  rig.master.mend()
  await rig.advance(6000)
  t.deepEqual(
    rig.broker.retainedTopics().filter(topic => topics.parseNode(topic)),
    [],
  )
})

test('a node that returns under its name is obeyed by an agent that has seen its former wishes', async t => {
  const rig = await publishing(t)
  await board(rig, { pods: 1 })
  const got = await readCollection(t, rig, topics.nodeWish('board-1'))
  for (let round = 0; round < 5; round++) {
    await changePod(rig, 'pod-0', pod => ({ ...pod, metadata: { ...pod.metadata, labels: { round: `${round}` } } }))
    await rig.advance(gatheredMs)
  }
  await rig.room.objects.remove((await rig.node('board-1'))!)
  await rig.advance(gatheredMs)
  await rig.create(makeNode('board-1', '10.244.9.0/24'))
  await rig.advance(gatheredMs)
  t.like(got.at(-1)?.documents.get('node'), { podCIDR: '10.244.9.0/24' })
})
