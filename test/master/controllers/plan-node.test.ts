import test from 'ava'
import fc from 'fast-check'
import { findCondition } from '../../../contract/resources/conditions.ts'
import type { Node, Taint } from '../../../contract/resources/node.ts'
import { msToStay, planNode } from '../../../master/controllers/plan-node.ts'
import { allocatePodCIDR } from '../../../master/controllers/pod-cidr.ts'

const now = '2026-01-01T00:00:00Z'
const nowMs = Date.parse(now)
const lost = { state: 'lost', why: 'Silent for 3 s.' } as const
const reachable = { state: 'reachable' } as const

function nodeWith(ready: 'True' | 'False' | 'Unknown', taints?: Taint[]): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'a' },
    spec: { ...(taints && { taints }) },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  }
}

const keys = (node: Node) => (node.spec.taints ?? []).map(taint => `${taint.key.split('/')[1]}:${taint.effect}`)
const own: Taint = { key: 'own/dedicated', effect: 'NoSchedule' }

test('a lost node is unknown and tainted, and keeps the taints that people gave it', t => {
  const planned = planNode(nodeWith('True', [own]), lost, now)
  t.like(findCondition(planned.status?.conditions, 'Ready'), {
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Silent for 3 s.',
  })
  t.deepEqual(keys(planned), ['dedicated:NoSchedule', 'unreachable:NoSchedule', 'unreachable:NoExecute'])
})

test('planning the same again changes nothing', t => {
  for (const reach of [lost, reachable]) {
    const once = planNode(nodeWith('False', [own]), reach, now)
    t.is(planNode(once, reach, '2027-01-01T00:00:00Z'), once)
  }
})

test('a node that answers but is not ready gets no new pods, and keeps those it has', t => {
  t.deepEqual(keys(planNode(nodeWith('False'), reachable, now)), ['not-ready:NoSchedule'])
})

test('the taints go when the board is back and says that it is ready, not before', t => {
  const gone = planNode(nodeWith('True', [own]), lost, now)
  t.is(planNode(gone, reachable, now), gone)
  const back = { ...gone, status: { conditions: [{ type: 'Ready', status: 'True' as const }] } }
  t.deepEqual(planNode(back, reachable, now).spec.taints, [own])
})

test('a node that has not been heard of yet is left as it is', t => {
  const node = nodeWith('True')
  t.is(planNode(node, { state: 'unheard', graceLeftMs: 10 }, now), node)
})

const noExecute: Taint = { key: 'k', effect: 'NoExecute', timeAdded: now }
const stays: Array<[title: string, tolerations: Parameters<typeof msToStay>[0], taints: Taint[], ms: number]> = [
  ['without taints for ever', undefined, [], Number.POSITIVE_INFINITY],
  ['with a NoSchedule taint for ever', undefined, [{ ...noExecute, effect: 'NoSchedule' }], Number.POSITIVE_INFINITY],
  ['without toleration not at all', undefined, [noExecute], 0],
  ['with a toleration for ever', [{ key: 'k', operator: 'Exists' }], [noExecute], Number.POSITIVE_INFINITY],
  [
    'with a toleration for 30 s so long',
    [{ key: 'k', operator: 'Exists', tolerationSeconds: 30 }],
    [noExecute],
    29_000,
  ],
  [
    'with one of two taints tolerated not at all',
    [{ key: 'k', operator: 'Exists' }],
    [noExecute, { ...noExecute, key: 'x' }],
    0,
  ],
]
for (const [title, tolerations, taints, ms] of stays) {
  test(`a pod stays ${title}`, t => t.is(msToStay(tolerations, taints, nowMs + 1000), ms))
}

test('no pod network is given twice, each lies in the cluster, and a full cluster is refused', t => {
  const taken = new Set<string>()
  for (let node = 0; node < 16; node++) taken.add(allocatePodCIDR('10.244.32.0/20', taken))
  t.is(taken.size, 16)
  t.true([...taken].every(cidr => /^10\.244\.(3[2-9]|4[0-7])\.0\/24$/.test(cidr)))
  t.throws(() => allocatePodCIDR('10.244.32.0/20', taken), { code: 'TooManyRequests' })
})

test('a pod network that was given back is given again', t => {
  t.is(allocatePodCIDR('10.0.0.0/16', new Set(['10.0.0.0/24', '10.0.2.0/24'])), '10.0.1.0/24')
})

test('what is no network, or too small for one, is refused', t => {
  for (const cidr of ['', 'x', '10.0.0.0', '10.0.0.0/25', '10.0.0.256/16', 'fd00::/8', '10.0.0.0/33']) {
    t.throws(() => allocatePodCIDR(cidr, new Set()), { code: 'Invalid' }, cidr)
  }
  fc.assert(fc.property(fc.string(), text => t.throws(() => allocatePodCIDR(text, new Set())) !== undefined))
})
