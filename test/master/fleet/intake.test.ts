import test from 'ava'
import { findCondition } from '../../../contract/resources/conditions.ts'
import type { Node } from '../../../contract/resources/node.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import type { NodeIdentity } from '../../../contract/resources/trust.ts'
import type { PodReport } from '../../../contract/wire/fleet.ts'
import { nodeIdentityKind, nodeKind, podKind } from '../../../master/fleet/kinds.ts'
import { makeIdentity, makeNode, makePod, nodeStatus, podStatus, Rig, topics } from './rig.ts'

const usage = { timestamp: '2026-01-01T00:00:00Z', usage: { cpu: '250m', memory: '1Gi' } }

function about(pod: Pod, fields: Partial<PodReport> = {}): Record<string, PodReport> {
  const { namespace = '', name, uid = '' } = pod.metadata
  return { [uid]: { namespace, name, ...fields } }
}

test('a board that reports for the first time becomes a node, with its labels and an event', async t => {
  const rig = await new Rig().start(t)
  await rig.agent('board-1').full({ usage })
  const node = await rig.node('board-1')
  t.deepEqual(node?.metadata.labels, {
    'kubernetes.io/hostname': 'board-1',
    'kubernetes.io/arch': 'arm64',
    'kubernetes.io/os': 'linux',
  })
  t.is(node?.status?.allocatable?.['memory'], '4Gi')
  t.is(findCondition(node?.status?.conditions, 'Ready')?.status, 'True')
  t.deepEqual(rig.room.usage.get('board-1')?.usage, usage.usage)
  t.true(rig.room.leases.isReachable('board-1'))
  t.deepEqual(await rig.reasons(), ['RegisteredNode'])
})

test('a report changes what it names and leaves the rest; labels and spec are not its to change', async t => {
  const rig = await new Rig().start(t)
  const labels = { room: 'cellar', 'kubernetes.io/arch': 'arm64' }
  await rig.create({ ...makeNode('board-1', '10.244.1.0/24'), metadata: { name: 'board-1', labels } })
  const pods = [await rig.create(makePod('one', 'board-1')), await rig.create(makePod('two', 'board-1'))] as const
  const agent = rig.agent('board-1')
  await agent.full({ pods: { ...about(pods[0], { status: podStatus() }), ...about(pods[1], { status: podStatus() }) } })
  await agent.report({ pods: about(pods[1], { status: podStatus({ phase: 'Failed', podIP: '10.244.1.9' }) }) })
  t.is((await rig.pod('one'))?.status?.phase, 'Running')
  t.is((await rig.pod('two'))?.status?.phase, 'Failed')
  t.is((await rig.pod('two'))?.status?.podIP, '10.244.1.9')
  const node = await rig.node('board-1')
  t.deepEqual([node?.metadata.labels, node?.spec], [labels, { podCIDR: '10.244.1.0/24' }])
  t.is(agent.asked, 0)
})

test('a gap in the reports leads to a full one, and nothing of what follows the gap is believed', async t => {
  const rig = await new Rig().start(t)
  await rig.create(makeNode('board-1'))
  const pod = await rig.create(makePod('web', 'board-1'))
  const agent = rig.agent('board-1')
  await agent.full()
  agent.sequence += 1
  await agent.report({ pods: about(pod, { status: podStatus({ phase: 'Failed' }) }) })
  t.is(agent.asked, 1)
  t.is((await rig.pod('web'))?.status, undefined)
  await agent.full({ pods: about(pod, { status: podStatus() }) })
  t.is((await rig.pod('web'))?.status?.phase, 'Running')
  await agent.report({ usage })
  t.is(agent.asked, 1)
})

test('a full report is asked for again and again, but not with every beat', async t => {
  const rig = await new Rig().start(t)
  const agent = rig.agent('board-1')
  for (let beat = 0; beat < 8; beat++) {
    await agent.beat()
    await rig.advance(500)
  }
  t.is(agent.asked, 2)
  await agent.full()
  await rig.advance(2500)
  await agent.beat()
  t.is(agent.asked, 2)
})

test('an agent that has just connected is not asked for what it sends anyway', async t => {
  const rig = await new Rig().start(t)
  const agent = rig.agent('board-1')
  await agent.say({ online: true })
  t.true(rig.room.leases.isReachable('board-1'))
  t.is(agent.asked, 0)
  await agent.beat()
  t.is(agent.asked, 1, 'but when it did not come by the next beat')
})

test('a board that shuts down says so, and is believed only if it is the one', async t => {
  const rig = await new Rig().start(t)
  const agent = rig.agent('board-1')
  await agent.full()
  await rig.agent('board-1', 'another').say({ online: false, reason: 'shutdown' })
  t.true(rig.room.leases.isReachable('board-1'))
  await agent.say({ online: false, reason: 'shutdown' })
  t.false(rig.room.leases.isReachable('board-1'))
})

test('a report that comes again late changes nothing, be it a diff or a full one', async t => {
  const rig = await new Rig().start(t)
  await rig.create(makeNode('board-1'))
  const pod = await rig.create(makePod('web', 'board-1'))
  const agent = rig.agent('board-1')
  const starting = { pods: about(pod, { status: podStatus({ phase: 'Pending' }) }) }
  await agent.full(starting)
  await agent.report(starting)
  await agent.report({ pods: about(pod, { status: podStatus() }) })
  const before = await rig.everything()
  await rig.advance(2900)
  await agent.repeat({ sequence: 2, ...starting })
  await agent.repeat({ sequence: 1, full: true, node: nodeStatus({ conditions: [] }), ...starting })
  t.is(await rig.everything(), before)
  t.is(agent.asked, 0)
  await rig.advance(2900)
  t.true(rig.room.leases.isReachable('board-1'), 'it is a sign of life all the same')
  await agent.report({ usage })
  t.is(agent.asked, 0, 'and no gap')
})

test('a second board of the same name is refused while the first one lives, and the user is told', async t => {
  const rig = await new Rig().start(t)
  const first = rig.agent('board-1', 'first')
  await first.full()
  const second = rig.agent('board-1', 'second')
  const other = nodeStatus({ addresses: [{ type: 'InternalIP', address: '10.77.0.99' }] })
  await second.say({ online: true })
  await second.beat()
  await second.full({ node: other })
  t.is((await rig.node('board-1'))?.status?.addresses?.[0]?.address, '10.77.0.11')
  t.true((await rig.reasons()).includes('NodeNameConflict'))
  t.is(second.asked, 0)
  second.bus.cut()
  await rig.rest()
  t.true(rig.room.leases.isReachable('board-1'), 'the end of a stranger is not the end of the node')
  second.bus.mend()
  await rig.advance(3001)
  await second.full({ node: other })
  t.is((await rig.node('board-1'))?.status?.addresses?.[0]?.address, '10.77.0.99')
})

test('a board that is revoked is lost at once, and whatever it still says is not taken in', async t => {
  const rig = await new Rig().start(t)
  const { identity } = makeIdentity('board-1')
  await rig.create(identity)
  const agent = rig.agent('board-1')
  await agent.full()
  t.true(rig.room.leases.isReachable('board-1'))
  const where = { kind: nodeIdentityKind, name: 'board-1' }
  const change = (spec: NodeIdentity['spec']): Promise<unknown> =>
    rig.room.objects.update<NodeIdentity>(where, now => ({ ...now, spec }))
  await change({ ...identity.spec, revoked: true })
  await rig.rest()
  t.false(rig.room.leases.isReachable('board-1'))
  await agent.beat()
  await agent.full()
  t.false(rig.room.leases.isReachable('board-1'))
  await change(makeIdentity('board-1').identity.spec)
  const next = rig.agent('board-1', 'the next board of this name')
  await next.full()
  t.true(rig.room.leases.isReachable('board-1'))
})

test('an agent that restarts needs no lease to run out', async t => {
  const rig = await new Rig().start(t)
  const before = rig.agent('board-1', 'before')
  await before.full()
  before.bus.cut()
  await rig.advance(400)
  const after = rig.agent('board-1', 'after')
  await after.beat()
  t.is(after.asked, 1)
  await after.full()
  t.deepEqual(await rig.reasons(), ['RegisteredNode'])
})

test('a node speaks for its own pods only, and for those very ones', async t => {
  const rig = await new Rig().start(t)
  const other = await rig.create(makePod('other', 'board-2', { deletionTimestamp: '2026-01-01T00:00:00Z' }))
  const unbound = await rig.create(makePod('unbound'))
  const namesake = await rig.create(makePod('namesake', 'board-1'))
  const agent = rig.agent('board-1')
  await agent.full()
  const before = await rig.everything()
  const stale = { uid: { namespace: 'default', name: 'namesake', status: podStatus() } }
  await agent.report({
    pods: { ...about(other, { gone: true }), ...about(unbound, { status: podStatus() }), ...stale },
  })
  await agent.report({ pods: { ...about(other, { status: podStatus() }), ...about(namesake, { gone: true }) } })
  t.is(await rig.everything(), before)
})

test('a pod that is gone from its board goes, but not before its deletion was asked for', async t => {
  const rig = await new Rig().start(t)
  const pod = await rig.create(makePod('web', 'board-1'))
  const agent = rig.agent('board-1')
  await agent.full({ pods: about(pod, { gone: true }) })
  t.truthy(await rig.pod('web'))
  await rig.room.objects.update<Pod>({ kind: podKind, namespace: 'default', name: 'web' }, current => ({
    ...current,
    metadata: { ...current.metadata, deletionTimestamp: '2026-01-01T00:00:30Z' },
  }))
  await agent.report({ pods: about(pod, { gone: true }) })
  t.is(await rig.pod('web'), undefined)
})

test('a pod that is gone stays until its finalizers are through', async t => {
  const rig = await new Rig().start(t)
  await rig.create(makeNode('board-1'))
  const marked = { deletionTimestamp: '2026-01-01T00:00:30Z', finalizers: ['example.org/backup', 'example.org/bill'] }
  const pod = await rig.create(makePod('web', 'board-1', marked))
  const agent = rig.agent('board-1')
  await agent.full({ pods: about(pod, { gone: true }) })
  const finish = (finalizers: string[]): Promise<unknown> =>
    rig.room.objects.update<Pod>({ kind: podKind, namespace: 'default', name: 'web' }, current => ({
      ...current,
      metadata: { ...current.metadata, finalizers },
    }))
  await finish(['example.org/bill'])
  await rig.rest()
  t.deepEqual((await rig.pod('web'))?.metadata.finalizers, ['example.org/bill'])
  await finish([])
  await rig.rest()
  t.is(await rig.pod('web'), undefined)
})

test('events are kept with the master’s time, about the node and about pods that are its own', async t => {
  const rig = await new Rig().start(t)
  const own = await rig.create(makePod('own', 'board-1'))
  const other = await rig.create(makePod('other', 'board-2'))
  const agent = rig.agent('board-1')
  const event = (reason: string, pod?: Pod, uid = pod?.metadata.uid ?? '') => ({
    ...(pod ? { pod: { namespace: 'default', name: pod.metadata.name, uid } } : {}),
    ...{ type: 'Normal' as const, reason, message: 'so it is', timestamp: '1970-01-01T00:00:07Z' },
  })
  await agent.full()
  await agent.report({
    events: [event('Heat'), event('Started', own), event('Foreign', other), event('Stale', own, 'another uid')],
  })
  t.deepEqual(await rig.reasons(), ['Heat', 'RegisteredNode', 'Started'])
  const started = (await rig.events()).find(({ reason }) => reason === 'Started')
  t.is(started?.involvedObject.uid, own.metadata.uid)
  t.is(started?.firstTimestamp, '2026-01-01T00:00:00Z')
  t.deepEqual(started?.source, { component: 'agent', host: 'board-1' })
})

test('the last words about a pod are kept when they come with its end', async t => {
  const rig = await new Rig().start(t)
  const pod = await rig.create(makePod('web', 'board-1', { deletionTimestamp: '2026-01-01T00:00:30Z' }))
  const { uid = '' } = pod.metadata
  const killing = { pod: { namespace: 'default', name: 'web', uid }, type: 'Normal' as const, reason: 'Killing' }
  const events = [{ ...killing, message: 'Stopping container web', timestamp: '2026-01-01T00:00:00Z' }]
  await rig.agent('board-1').full({ pods: about(pod, { gone: true }), events })
  t.is(await rig.pod('web'), undefined)
  t.true((await rig.reasons()).includes('Killing'))
})

test('a node that comes back is asked for everything, and is Ready again once it has said so', async t => {
  const rig = await new Rig().start(t)
  const pod = await rig.create(makePod('web', 'board-1'))
  const agent = rig.agent('board-1')
  const running = { pods: about(pod, { status: podStatus() }) }
  await agent.full(running)
  await rig.advance(3001)
  t.false(rig.room.leases.isReachable('board-1'))
  // As the controllers write it of a node that cannot be reached.
  await rig.room.objects.update<Node>({ kind: nodeKind, name: 'board-1' }, node => ({
    ...node,
    status: { ...node.status, conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }] },
  }))
  await rig.room.objects.update<Pod>({ kind: podKind, namespace: 'default', name: 'web' }, current => ({
    ...current,
    status: { ...current.status, conditions: [{ type: 'Ready', status: 'False', reason: 'NodeUnreachable' }] },
  }))
  await agent.beat()
  t.true(rig.room.leases.isReachable('board-1'))
  t.is(agent.asked, 1)
  await agent.report({ usage })
  t.is(findCondition((await rig.node('board-1'))?.status?.conditions, 'Ready')?.status, 'Unknown')
  await agent.full(running)
  const [node, back] = [await rig.node('board-1'), await rig.pod('web')]
  t.like(findCondition(node?.status?.conditions, 'Ready'), { status: 'True', reason: 'KubeletReady' })
  const ready = findCondition(back?.status?.conditions, 'Ready')
  t.deepEqual(ready, { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:03Z' })
})

test('a node that is deleted while its agent lives registers anew, from nothing', async t => {
  const rig = await new Rig().start(t)
  const agent = rig.agent('board-1')
  await agent.full({ usage })
  const first = await rig.node('board-1')
  await rig.room.objects.remove(first!, { anyVersion: true })
  await rig.rest()
  t.is(agent.asked, 1, 'it is asked at once')
  t.is(rig.room.usage.get('board-1'), undefined)
  t.false(rig.room.leases.isReachable('board-1'))
  await agent.report({ usage })
  t.is(await rig.node('board-1'), undefined, 'a change of something unknown is no registration')
  t.is(rig.room.usage.get('board-1'), undefined)
  await agent.full({ usage })
  const second = await rig.node('board-1')
  t.truthy(second)
  t.not(second?.metadata.uid, first?.metadata.uid)
  t.true(rig.room.leases.isReachable('board-1'))
})

test('of a board that beats and never registers nothing is left when it falls silent', async t => {
  const rig = await new Rig().start(t)
  const first = rig.agent('board-1', 'first')
  await first.beat()
  t.true(rig.room.leases.isReachable('board-1'))
  await rig.advance(3001)
  t.false(rig.room.leases.isReachable('board-1'))
  const second = rig.agent('board-1', 'second')
  await second.beat()
  t.is(second.asked, 1)
})

test('while the master has no broker it holds nobody’s silence against him', async t => {
  const rig = await new Rig().start(t)
  const agent = rig.agent('board-1')
  await agent.full()
  await rig.advance(1000)
  rig.master.cut()
  await rig.advance(600_000)
  t.true(rig.room.leases.isReachable('board-1'))
  rig.master.mend()
  await rig.advance(59_000)
  t.true(rig.room.leases.isReachable('board-1'), 'agents need a moment to connect again')
  await rig.advance(1001)
  t.false(rig.room.leases.isReachable('board-1'))
})

test('what a broker has retained is no sign of life', async t => {
  const rig = new Rig()
  const agent = rig.agent('board-1')
  await agent.bus.publish(topics.nodePresence('board-1'), JSON.stringify({ online: true, session: 's' }), {
    retain: true,
  })
  await agent.bus.publish(topics.nodeBeat('board-1'), JSON.stringify({ session: 's' }), { retain: true })
  const report = { session: 's', sequence: 1, full: true, node: nodeStatus() }
  await agent.bus.publish(topics.nodeReport('board-1'), JSON.stringify(report), { retain: true })
  await rig.start(t)
  await rig.rest()
  t.false(rig.room.leases.isReachable('board-1'))
  t.is(await rig.node('board-1'), undefined)
  t.deepEqual(rig.room.bad.counts(), { beat: 1, report: 1 })
})
