import test, { type ExecutionContext } from 'ava'
import { findCondition } from '../../../contract/resources/conditions.ts'
import {
  expectedSinceAnnotation,
  expectedUntilAnnotation,
  isExpected,
} from '../../../contract/resources/expected-node.ts'
import type { Node } from '../../../contract/resources/node.ts'
import { type JoinToken, trustApiVersion } from '../../../contract/resources/trust.ts'
import { seededRandom } from '../../../kit/random.ts'
import { Controllers } from '../../../master/controllers/controllers.ts'
import { mergeNodeStatus } from '../../../master/fleet/merge-report.ts'
import { kindOf } from '../../../master/store/objects.ts'
import { makePod, Rig } from './rig.ts'

const now = '2026-01-01T00:00:00Z'
const expected: Node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'board-1',
    labels: { room: 'kitchen' },
    annotations: { [expectedSinceAnnotation]: now, [expectedUntilAnnotation]: now, mine: 'x' },
  },
  spec: { taints: [{ key: 'own', effect: 'NoSchedule' }] },
}
const status = {
  nodeInfo: { architecture: 'arm64', operatingSystem: 'linux' } as Node['status'] & object,
  conditions: [{ type: 'Ready', status: 'True' as const }],
}

test('a node is expected until it has said anything', t => {
  t.true(isExpected(expected))
  t.false(isExpected({ ...expected, metadata: { name: 'board-1' } }))
  t.false(isExpected({ ...expected, status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } }))
})

test('its first word makes it a node like all others, and keeps what people wrote on it', t => {
  const joined = mergeNodeStatus(expected, status as NonNullable<Node['status']>, now)
  t.false(isExpected(joined))
  t.deepEqual(joined.metadata.annotations, { mine: 'x' })
  t.deepEqual(joined.metadata.labels, {
    room: 'kitchen',
    'kubernetes.io/hostname': 'board-1',
    'kubernetes.io/arch': 'arm64',
    'kubernetes.io/os': 'linux',
  })
  t.deepEqual(joined.spec, expected.spec)
})

test('later words leave labels alone', t => {
  const joined = mergeNodeStatus(expected, status as NonNullable<Node['status']>, now)
  const relabelled = { ...joined, metadata: { ...joined.metadata, labels: { 'kubernetes.io/arch': 'mine' } } }
  t.deepEqual(mergeNodeStatus(relabelled, status as NonNullable<Node['status']>, now).metadata.labels, {
    'kubernetes.io/arch': 'mine',
  })
})

async function startMaster(t: ExecutionContext): Promise<Rig> {
  const rig = await new Rig().start(t)
  const { clock, room } = rig
  const { store, objects, cache, events, usage, leases } = room
  const parts = {
    store,
    objects,
    cache,
    events,
    usage,
    clock,
    random: seededRandom(2),
    log: rig.log,
    startGraceMs: 10_000,
  }
  const controllers = new Controllers({ ...parts, health: leases, clusterCIDR: '10.244.0.0/16' })
  await controllers.start()
  t.teardown(() => controllers.stop())
  await rig.advance(100)
  return rig
}

test('a board that is waited for is neither lost nor given pods, however long it takes; then it joins with its labels', async t => {
  const rig = await startMaster(t)
  await rig.create(expected)
  await rig.create(makePod('web'))
  await rig.advance(24 * 60 * 60_000)
  const waiting = await rig.node('board-1')
  t.deepEqual([waiting?.spec, waiting?.status], [expected.spec, undefined])
  t.is((await rig.pod('web'))?.spec.nodeName, undefined)
  t.false((await rig.reasons()).includes('NodeNotReady'))

  const agent = rig.agent('board-1')
  await agent.say({ online: true })
  await agent.full()
  await agent.beat()
  const joined = await rig.node('board-1')
  t.is(findCondition(joined?.status?.conditions, 'Ready')?.status, 'True')
  t.is(joined?.metadata.labels?.['room'], 'kitchen')
  t.truthy(joined?.spec.podCIDR)
  t.deepEqual(joined?.spec.taints, expected.spec.taints)
  t.is((await rig.reasons()).filter(reason => reason === 'RegisteredNode').length, 1)

  await rig.advance(10_000)
  t.true((await rig.reasons()).includes('NodeNotReady'), 'from then on it may be lost like any other')
})

test('who deletes an expected node takes back the token of its card', async t => {
  const rig = await startMaster(t)
  const node = await rig.create(expected)
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'board-1', uid: node.metadata.uid ?? '' }
  const spec = { tokenHash: '0'.repeat(64), expirationTimestamp: now, uses: 1, nodeName: 'board-1' }
  const token: JoinToken = {
    apiVersion: trustApiVersion,
    kind: 'JoinToken',
    metadata: { name: 'abc123', ownerReferences: [owner] },
    spec,
  }
  await rig.create(token)
  await rig.create({ ...token, metadata: { name: 'def456' } })
  await rig.advance(1000)
  await rig.room.objects.remove(node)
  await rig.advance(1000)
  const left = await rig.room.objects.list<JoinToken>(kindOf(token))
  t.deepEqual(
    left.map(({ metadata }) => metadata.name),
    ['def456'],
  )
})
