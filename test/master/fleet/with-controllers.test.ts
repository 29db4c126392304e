import test, { type ExecutionContext } from 'ava'
import { findCondition } from '../../../contract/resources/conditions.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import type { PodReport } from '../../../contract/wire/fleet.ts'
import { seededRandom } from '../../../kit/random.ts'
import { Controllers } from '../../../master/controllers/controllers.ts'
import { type FakeAgent, makePod, names, podStatus, Rig, readCollection, startPublisher, topics } from './rig.ts'

const startGraceMs = 10_000

/** A whole master but for its API, on a broker in memory. */
async function startMaster(t: ExecutionContext): Promise<Rig> {
  const rig = await new Rig().start(t)
  const { clock, room } = rig
  const { store, objects, cache, events, usage, leases } = room
  const parts = { store, objects, cache, events, usage, clock, random: seededRandom(2), log: rig.log, startGraceMs }
  const controllers = new Controllers({ ...parts, health: leases, clusterCIDR: '10.244.0.0/16' })
  await controllers.start()
  t.teardown(() => controllers.stop())
  await startPublisher(t, { bus: rig.master, cache, clock })
  await rig.advance(100)
  return rig
}

/** Time passes while these agents beat. */
async function live(rig: Rig, agents: FakeAgent[], seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    for (const agent of agents) await agent.beat()
    await rig.advance(1000)
  }
}

function reportOf(pod: Pod | undefined, fields: Partial<PodReport>): Record<string, PodReport> {
  const { namespace = '', name = '', uid = '' } = pod?.metadata ?? {}
  return { [uid]: { namespace, name, ...fields } }
}

async function readyOf(rig: Rig, node: string): Promise<string | undefined> {
  return findCondition((await rig.node(node))?.status?.conditions, 'Ready')?.status
}

test('a board that joins gets its network and its pods; one that falls silent loses them; one that returns is Ready', async t => {
  const rig = await startMaster(t)
  const agent = rig.agent('board-1')
  await agent.say({ online: true })
  await agent.full()
  await rig.create(makePod('web'))
  await live(rig, [agent], 2)
  t.is((await rig.pod('web'))?.spec.nodeName, 'board-1')
  const wish = await readCollection(t, rig, topics.nodeWish('board-1'))
  t.like(wish.at(-1)?.documents.get('node'), { podCIDR: (await rig.node('board-1'))?.spec.podCIDR })
  t.deepEqual(names(wish.at(-1)), ['node', 'pods/default/web'])
  await agent.report({ pods: reportOf(await rig.pod('web'), { status: podStatus() }) })

  await rig.advance(4000)
  t.is(await readyOf(rig, 'board-1'), 'Unknown')
  t.is((await rig.node('board-1'))?.spec.taints?.length, 2)
  const evicted = await rig.pod('web')
  t.truthy(evicted?.metadata.deletionTimestamp)
  t.is(findCondition(evicted?.status?.conditions, 'Ready')?.status, 'False')

  await live(rig, [agent], 1)
  t.is(agent.asked, 1)
  t.is(await readyOf(rig, 'board-1'), 'Unknown', 'until it has said how it is')
  await agent.full({ pods: reportOf(evicted, { status: podStatus() }) })
  await live(rig, [agent], 1)
  t.is(await readyOf(rig, 'board-1'), 'True')
  t.is((await rig.node('board-1'))?.spec.taints, undefined)
  t.truthy((wish.at(-1)?.documents.get('pods/default/web') as Pod | undefined)?.metadata.deletionTimestamp)

  await agent.report({ pods: reportOf(evicted, { gone: true }) })
  await live(rig, [agent], 1)
  t.is(await rig.pod('web'), undefined)
  t.deepEqual(names(wish.at(-1)), ['node'])
  t.deepEqual(rig.complaints, [])
})

test('an agent that restarts in time costs its pods nothing', async t => {
  const rig = await startMaster(t)
  const before = rig.agent('board-1', 'before')
  await before.full()
  await rig.create(makePod('web'))
  await live(rig, [before], 2)
  await before.report({ pods: reportOf(await rig.pod('web'), { status: podStatus() }) })
  before.bus.cut()
  await rig.advance(8000)
  const after = rig.agent('board-1', 'after')
  await after.full({ pods: reportOf(await rig.pod('web'), { status: podStatus() }) })
  await live(rig, [after], 5)
  const pod = await rig.pod('web')
  t.is(pod?.metadata.deletionTimestamp, undefined)
  t.is(findCondition(pod?.status?.conditions, 'Ready')?.status, 'True')
  t.is(await readyOf(rig, 'board-1'), 'True')
})

test('a node that is deleted while its agent lives comes back with a network, and is given pods again', async t => {
  const rig = await startMaster(t)
  const agent = rig.agent('board-1')
  await agent.full()
  await rig.create(makePod('old'))
  await live(rig, [agent], 2)
  const wish = await readCollection(t, rig, topics.nodeWish('board-1'))
  await rig.room.objects.remove((await rig.node('board-1'))!, { anyVersion: true })
  await live(rig, [agent], 1)
  t.is(await rig.pod('old'), undefined, 'its pods went with it')
  t.is(agent.asked, 1)
  await agent.full()
  await rig.create(makePod('new'))
  await live(rig, [agent], 2)
  t.is(await readyOf(rig, 'board-1'), 'True')
  t.deepEqual(names(wish.at(-1)), ['node', 'pods/default/new'])
})

test('when the master loses its broker no pod is moved', async t => {
  const rig = await startMaster(t)
  const agents = [rig.agent('board-1'), rig.agent('board-2')]
  for (const agent of agents) await agent.full()
  await rig.create(makePod('web'))
  await live(rig, agents, 2)
  const node = (await rig.pod('web'))?.spec.nodeName
  rig.master.cut()
  await rig.advance(120_000)
  rig.master.mend()
  await live(rig, agents, 15)
  const pod = await rig.pod('web')
  t.deepEqual([pod?.spec.nodeName, pod?.metadata.deletionTimestamp], [node, undefined])
  t.deepEqual([await readyOf(rig, 'board-1'), await readyOf(rig, 'board-2')], ['True', 'True'])
})
