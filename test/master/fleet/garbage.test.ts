import { isIP } from 'node:net'
import test from 'ava'
import fc from 'fast-check'
import type { Node } from '../../../contract/resources/node.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import { isQuantity } from '../../../contract/resources/quantity.ts'
import { nodeKind, podKind } from '../../../master/fleet/kinds.ts'
import { makeNode, makePod, nodeStatus, podStatus, Rig, topics } from './rig.ts'

const session = 'session of board-1'

/** A board that is known, with a pod, and whose agent is alive. */
async function knownBoard(rig: Rig): Promise<Pod> {
  await rig.create(makeNode('board-1', '10.244.1.0/24'))
  const pod = await rig.create(makePod('web', 'board-1'))
  await rig.agent('board-1').full({ pods: pods(pod) })
  return pod
}

function pods({ metadata: { uid = '' } }: Pod): Record<string, { namespace: string; name: string; status: object }> {
  return { [uid]: { namespace: 'default', name: 'web', status: podStatus() } }
}

test('whatever comes on a node’s topics: nothing throws, nothing changes, all of it is counted', async t => {
  const rig = await new Rig().start(t)
  await knownBoard(rig)
  const stranger = rig.broker.connect('stranger')
  const before = await rig.everything()
  const topic = fc.constantFrom(topics.nodePresence, topics.nodeBeat, topics.nodeReport)
  const node = fc.constantFrom('board-1', 'board-7', 'No Name', '-')
  const payload = fc.oneof(fc.json(), fc.string(), fc.uint8Array(), fc.constant('{"full":true}'))
  let sent = 0
  await fc.assert(
    fc.asyncProperty(topic, node, payload, async (topicOf, name, content) => {
      if (content.length > 0) sent += 1
      await stranger.publish(topicOf(name), content)
      await rig.clock.advance(0)
    }),
    { numRuns: 1500 },
  )
  await rig.rest()
  t.is(await rig.everything(), before)
  const counted = Object.values(rig.room.bad.counts()).reduce((sum, count) => sum + count, 0)
  t.is(counted, sent)
  // One line for the first bad message of each kind, and none for the rest.
  t.is(rig.complaints.length, 0)
})

test('a right report of a board with an impossible name makes no node', async t => {
  const rig = await new Rig().start(t)
  const names = ['No Name', 'board.1', '-', 'x'.repeat(64), '..']
  for (const name of names) await rig.agent(name).full()
  t.is(await rig.everything(), '[]')
  t.is(rig.room.bad.counts()['report'], names.length)
})

/** Every place in a value, as a list of keys. */
function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, member]) => pathsOf(member, [...path, key]))]
}

function withMember(value: unknown, [key, ...rest]: string[], member: unknown): unknown {
  if (key === undefined) return member
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>
  copy[key] = withMember(copy[key], rest, member)
  return copy
}

test('a right report with any one part of it replaced by anything leaves only sound objects', async t => {
  const rig = await new Rig().start(t)
  const pod = await knownBoard(rig)
  const stranger = rig.broker.connect('stranger')
  const { uid = '' } = pod.metadata
  const event = { type: 'Normal', reason: 'Started', message: 'm', timestamp: '2026-01-01T00:00:00Z' }
  const usage = { timestamp: '2026-01-01T00:00:00Z', usage: { cpu: '1' } }
  const events = [{ ...event, pod: { namespace: 'default', name: 'web', uid } }]
  const right = { full: true, node: nodeStatus(), pods: pods(pod), usage, events, wish: { epoch: 1, generation: 2 } }
  const path = fc.constantFrom(...pathsOf(right).filter(({ length }) => length > 0))
  let sequence = 1
  await fc.assert(
    fc.asyncProperty(path, fc.oneof(fc.jsonValue(), fc.string({ maxLength: 9000 })), async (place, member) => {
      sequence += 1
      const report = { session, sequence, ...(withMember(right, place, member) as object) }
      await stranger.publish(topics.nodeReport('board-1'), JSON.stringify(report))
      await rig.rest()
      assertSound(await rig.room.objects.get<Node>(nodeKind, undefined, 'board-1'), await rig.pod('web'))
    }),
    { numRuns: 400 },
  )
  t.deepEqual(rig.complaints, [])
  t.true((await rig.everything()).length < 100_000)
  t.is((await rig.room.objects.list(nodeKind)).length, 1)
  t.is((await rig.room.objects.list(podKind)).length, 1)
})

function assertSound(node: Node | undefined, pod: Pod | undefined): void {
  const { conditions = [], containerStatuses = [], phase = '', podIP = '10.0.0.1', message } = pod?.status ?? {}
  const faults = [
    ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'].includes(phase) || 'phase',
    isIP(podIP) > 0 || 'podIP',
    (message ?? '').length <= 4096 || 'message',
    conditions.every(({ type, status }) => typeof type === 'string' && /^(True|False|Unknown)$/.test(status)) || 'pod',
    containerStatuses.every(({ name, restartCount }) => typeof name === 'string' && restartCount >= 0) || 'containers',
    Object.values(node?.status?.capacity ?? {}).every(isQuantity) || 'capacity',
    (node?.status?.addresses ?? []).every(({ type, address }) => type !== 'InternalIP' || isIP(address) > 0) ||
      'address',
    Object.values(node?.status?.nodeInfo ?? {}).every(text => typeof text === 'string') || 'nodeInfo',
  ].filter(fault => fault !== true)
  if (faults.length > 0) throw new Error(`unsound: ${faults.join(', ')}`)
}
