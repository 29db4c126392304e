import test, { type ExecutionContext } from 'ava'
import { CollectionPublisher } from '../../../kit/bus/collection-publisher.ts'
import { silentLog } from '../../../kit/log.ts'
import { makeNode, makePod, names, Rig, readCollection, startPublisher, topics } from './rig.ts'

/** Longer than reading back living nodes' wishes, searching for strays and reading those, one after the other. */
const tidiedMs = 20_000

/** A broker that holds what an earlier master retained for board-1, and a master that has not published yet. */
async function afterRestart(t: ExecutionContext): Promise<Rig> {
  const rig = await new Rig().start(t)
  await rig.create(makeNode('board-1', '10.244.1.0/24'))
  await rig.create(makePod('web', 'board-1'))
  const { cache } = rig.room
  const before = await startPublisher(t, { bus: rig.broker.connect('earlier master'), cache, clock: rig.clock })
  await rig.advance(100)
  await before.stop()
  return rig
}

function publish(t: ExecutionContext, rig: Rig): ReturnType<typeof startPublisher> {
  return startPublisher(t, { bus: rig.master, cache: rig.room.cache, clock: rig.clock, brokerRemembers: true })
}

/** A wish that an earlier master has left, and the presence of its board. */
async function leave(rig: Rig, node: string): Promise<void> {
  const bus = rig.broker.connect(`earlier master of ${node}`)
  const wish = new CollectionPublisher({ bus, prefix: topics.nodeWish(node), epoch: 1, log: silentLog, generation: 7 })
  await wish.publish(
    new Map<string, unknown>([
      ['node', { name: node }],
      ['pods/default/a', { a: 1 }],
    ]),
  )
  await bus.publish(topics.nodePresence(node), JSON.stringify({ online: false }), { retain: true })
}

function retainedOf(rig: Rig, node: string): string[] {
  return rig.broker.retainedTopics().filter(topic => topics.parseNode(topic)?.node === node)
}

test('a restarted master tells nobody to run nothing, not for a moment', async t => {
  const rig = await afterRestart(t)
  const wish = await readCollection(t, rig, topics.nodeWish('board-1'))
  const network = await readCollection(t, rig, topics.network)
  await publish(t, rig)
  await rig.advance(50)
  await rig.create(makePod('new', 'board-1'))
  await rig.advance(tidiedMs)
  t.deepEqual(
    wish.map(snapshot => names(snapshot)).filter(documents => !documents.includes('pods/default/web')),
    [],
  )
  t.deepEqual(
    network.map(snapshot => names(snapshot)).filter(documents => !documents.includes('nodes/board-1')),
    [],
  )
  t.deepEqual(names(wish.at(-1)), ['node', 'pods/default/new', 'pods/default/web'])
})

test('the same when the connection breaks while leftovers are read', async t => {
  const rig = await afterRestart(t)
  const wish = await readCollection(t, rig, topics.nodeWish('board-1'))
  const network = await readCollection(t, rig, topics.network)
  rig.master.cut()
  await publish(t, rig)
  for (let round = 0; round < 4; round++) {
    await rig.advance(700)
    rig.master.mend()
    await rig.advance(5)
    rig.master.cut()
  }
  rig.master.mend()
  await rig.advance(tidiedMs)
  t.true(wish.every(({ documents }) => documents.has('pods/default/web')))
  t.true(network.every(({ documents }) => documents.has('nodes/board-1')))
})

test('what changed while no master ran reaches the boards, and nothing of before is left', async t => {
  const rig = await afterRestart(t)
  const wish = await readCollection(t, rig, topics.nodeWish('board-1'))
  await rig.room.objects.remove((await rig.pod('web'))!)
  await publish(t, rig)
  await rig.advance(tidiedMs)
  t.deepEqual(names(wish.at(-1)), ['node'])
  t.is(retainedOf(rig, 'board-1').length, 2, 'an index and one document')
})

test('wishes and presences of nodes that are no more are cleared, those of others are not', async t => {
  const rig = await afterRestart(t)
  await leave(rig, 'old-1')
  await leave(rig, 'old-2')
  await rig.broker.connect('x').publish(topics.nodePresence('old-3'), '{"online":true}', { retain: true })
  await rig.agent('board-1').say({ online: true })
  t.is(retainedOf(rig, 'old-1').length, 4)
  await publish(t, rig)
  await rig.advance(tidiedMs)
  t.deepEqual([...retainedOf(rig, 'old-1'), ...retainedOf(rig, 'old-2'), ...retainedOf(rig, 'old-3')], [])
  t.is(retainedOf(rig, 'board-1').length, 4)
  t.true(retainedOf(rig, 'board-1').includes(topics.nodePresence('board-1')))
})

test('a node that joins while strays are looked for is none', async t => {
  const rig = await afterRestart(t)
  await leave(rig, 'late')
  await publish(t, rig)
  await rig.advance(11_000)
  await rig.create(makeNode('late', '10.244.7.0/24'))
  await rig.advance(tidiedMs)
  const wish = await readCollection(t, rig, topics.nodeWish('late'))
  t.deepEqual(names(wish.at(-1)), ['node'])
  t.true((wish.at(-1)?.generation ?? 0) > 8, 'newer than what was left')
  t.true(retainedOf(rig, 'late').includes(topics.nodePresence('late')))
})

test('a master that stops while it looks for strays stops', async t => {
  const rig = await afterRestart(t)
  await leave(rig, 'old')
  const publisher = await publish(t, rig)
  await rig.advance(7000)
  await publisher.stop()
  const before = rig.broker.retainedTopics()
  await rig.advance(tidiedMs)
  t.deepEqual(rig.broker.retainedTopics(), before)
})
