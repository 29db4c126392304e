import test, { type ExecutionContext } from 'ava'
import type { Event } from '../../../contract/resources/core.ts'
import type { Node } from '../../../contract/resources/node.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import type { NodePresence, Report } from '../../../contract/wire/fleet.ts'
import type { Bus } from '../../../kit/bus/bus.ts'
import type { Snapshot } from '../../../kit/bus/collection.ts'
import { CollectionSubscriber } from '../../../kit/bus/collection-subscriber.ts'
import { systemClock } from '../../../kit/clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { nodeKind, podKind } from '../../../master/fleet/kinds.ts'
import { kindOf } from '../../../master/store/objects.ts'
import type { Harness } from '../../kit/bus/harness.ts'
import { hasMosquitto, startMosquitto } from '../../kit/bus/mosquitto.ts'
import { eventually } from '../../kit/eventually.ts'
import { startEmbeddedHarness } from '../broker/embedded-harness.ts'
import { makePod, nodeStatus, podStatus, type Room, startPublisher, startRoom, topics } from './rig.ts'

const session = 'session-1'
const clock = systemClock
const eventKind = kindOf({ apiVersion: 'v1', kind: 'Event' })

test('on the embedded broker: a board joins, gets its wish, reports, leaves, and is forgotten', async t => {
  await live(t, { harness: await startEmbeddedHarness(t), brokerRemembers: false })
})

test('on Mosquitto: a board joins, gets its wish, reports, leaves, and is forgotten', async t => {
  if (hasMosquitto(t)) await live(t, { harness: await startMosquitto(), brokerRemembers: true })
})

async function live(t: ExecutionContext, parts: { harness: Harness; brokerRemembers: boolean }): Promise<void> {
  const { harness, brokerRemembers } = parts
  // Teardowns run in reverse: the broker is the last to go.
  t.teardown(() => harness.close())
  const master = await harness.connect('master')
  const room = await startRoom(t, { bus: master, clock })
  await startPublisher(t, { bus: master, cache: room.cache, clock, brokerRemembers })
  const offline = JSON.stringify({ online: false, session })
  const agent = await harness.connect('agent', { topic: topics.nodePresence('board-1'), payload: offline })
  await joins(t, room, agent)
  await works(t, room, agent)
  await leaves(t, room, await restarts(t, room, harness))
  await isForgotten(t, room, await harness.connect('visitor'))
}

async function joins(t: ExecutionContext, room: Room, agent: Bus): Promise<void> {
  await say(agent, { online: true, session })
  await report(agent, { sequence: 1, full: true, node: nodeStatus(), pods: {} })
  await eventually('the node', () => room.objects.get<Node>(nodeKind, undefined, 'board-1'))
  t.true(room.leases.isReachable('board-1'))
  const spec = { podCIDR: '10.244.1.0/24' }
  await room.objects.update<Node>({ kind: nodeKind, name: 'board-1' }, node => ({ ...node, spec }))
}

async function works(t: ExecutionContext, room: Room, agent: Bus): Promise<void> {
  const got: Snapshot[] = []
  const onComplete = (snapshot: Snapshot): void => void got.push(snapshot)
  const prefix = topics.nodeWish('board-1')
  const inbox = new CollectionSubscriber({ bus: agent, prefix, log: silentLog, onComplete })
  t.teardown(() => inbox.stop())
  await inbox.start()
  const { metadata } = await room.objects.create(makePod('web', 'board-1'))
  await eventually('the pod on the board', () => got.at(-1)?.documents.get('pods/default/web'))
  const pods = { [metadata.uid ?? '']: { namespace: 'default', name: 'web', status: podStatus() } }
  await report(agent, { sequence: 2, full: false, pods })
  await eventually('the status', async () => {
    const pod = await room.objects.get<Pod>(podKind, 'default', 'web')
    return pod?.status?.phase === 'Running'
  })
}

/** The connection breaks without a goodbye: the Will is heard, and the agent's next process may speak at once. */
async function restarts(t: ExecutionContext, room: Room, harness: Harness): Promise<Bus> {
  const next = await harness.connect('agent after its restart')
  const presences: string[] = []
  await next.subscribe(topics.nodePresence('board-1'), ({ payload }) => presences.push(payload.toString()))
  harness.cut('agent')
  await eventually('the Will', () => presences.at(-1)?.includes('"online":false'))
  const asked: string[] = []
  await next.subscribe(topics.nodeRequests('board-1'), ({ payload }) => asked.push(payload.toString()))
  await eventually('a full report is asked for', async () => {
    await next.publish(topics.nodeBeat('board-1'), JSON.stringify({ session: 'session-2' }))
    return asked.some(request => request.includes('"verb":"report"'))
  })
  await room.events.settle()
  const events = await room.objects.list<Event>(eventKind)
  t.deepEqual(
    events.map(({ reason }) => reason),
    ['RegisteredNode'],
  )
  return next
}

async function leaves(t: ExecutionContext, room: Room, agent: Bus): Promise<void> {
  const whys: string[] = []
  t.teardown(room.leases.onChange((_node, _reachable, why) => void whys.push(why)))
  await eventually('the goodbye', async () => {
    await agent.publish(topics.nodeBeat('board-1'), JSON.stringify({ session: 'session-2' }))
    await say(agent, { online: false, session: 'session-2', reason: 'shutdown' })
    return whys.includes('the board is shutting down')
  })
}

async function isForgotten(t: ExecutionContext, room: Room, visitor: Bus): Promise<void> {
  const retained = new Set<string>()
  await visitor.subscribe(`${topics.nodePresence('board-1').replace(/presence$/, '')}#`, ({ topic, payload }) => {
    if (payload.length > 0) retained.add(topic)
    else retained.delete(topic)
  })
  await eventually('what is retained', () => retained.size >= 3)
  const node = await room.objects.get<Node>(nodeKind, undefined, 'board-1')
  await room.objects.remove(node!, { anyVersion: true })
  await eventually('nothing is retained', () => retained.size === 0)
  t.false(room.leases.isReachable('board-1'))
}

function say(bus: Bus, presence: NodePresence): Promise<void> {
  return bus.publish(topics.nodePresence('board-1'), JSON.stringify(presence), { retain: true })
}

function report(bus: Bus, fields: Omit<Report, 'session'>): Promise<void> {
  return bus.publish(topics.nodeReport('board-1'), JSON.stringify({ session, ...fields }))
}
