import test from 'ava'
import type { Node } from '../../../contract/resources/node.ts'
import { mergeNodeStatus, mergePodStatus, newNode } from '../../../master/fleet/merge-report.ts'
import { makeNode, makePod, nodeStatus, podStatus } from './rig.ts'

const now = '2026-05-01T00:00:00Z'
const before = '2026-01-01T00:00:00Z'

test('a new node carries the labels that selectors ask for', t => {
  const node = newNode('board-1', nodeStatus(), now)
  t.deepEqual([node.apiVersion, node.kind, node.metadata.name, node.spec], ['v1', 'Node', 'board-1', {}])
  t.is(node.metadata.labels?.['kubernetes.io/arch'], 'arm64')
  t.is(node.metadata.labels?.['kubernetes.io/hostname'], 'board-1')
  t.is(node.status?.conditions?.[0]?.lastTransitionTime, now)
})

test('a board that does not say what it is is still a node', t => {
  const { metadata, status } = newNode('board-1', {}, now)
  t.is(metadata.labels?.['kubernetes.io/arch'], 'unknown')
  t.deepEqual(status, { conditions: [] })
})

test('times of change are the master’s, and move only when the status does', t => {
  const conditions = [{ type: 'Ready', status: 'True' as const, lastTransitionTime: before }]
  const node: Node = { ...makeNode('board-1'), status: { conditions } }
  const claim = (status: 'True' | 'False') => ({ type: 'Ready', status, lastTransitionTime: '1970-01-01T00:00:00Z' })
  t.is(mergeNodeStatus(node, { conditions: [claim('True')] }, now).status?.conditions?.[0]?.lastTransitionTime, before)
  t.is(mergeNodeStatus(node, { conditions: [claim('False')] }, now).status?.conditions?.[0]?.lastTransitionTime, now)
})

test('conditions of others stay: the scheduler’s on a pod, the controllers’ on a node', t => {
  const scheduled = { type: 'PodScheduled', status: 'True' as const, lastTransitionTime: before }
  const pod = { ...makePod('web', 'board-1'), status: { phase: 'Pending' as const, conditions: [scheduled] } }
  const merged = mergePodStatus(pod, podStatus(), now)
  t.deepEqual(merged.status?.conditions, [scheduled, { type: 'Ready', status: 'True', lastTransitionTime: now }])
  const pressure = { type: 'DiskPressure', status: 'False' as const, lastTransitionTime: before }
  const node: Node = { ...makeNode('board-1'), status: { conditions: [pressure] } }
  t.deepEqual(mergeNodeStatus(node, {}, now).status?.conditions, [pressure])
})

test('what a pod’s status no longer says is gone; what a node does not repeat stays', t => {
  const pod = { ...makePod('web', 'board-1'), status: podStatus({ message: 'no sandbox yet', podIP: '10.244.1.2' }) }
  const { podIP: _podIP, ...without } = podStatus()
  const { status } = mergePodStatus(pod, without, now)
  t.false('message' in (status ?? {}) || 'podIP' in (status ?? {}))
  t.deepEqual(mergeNodeStatus(makeNode('board-1'), {}, now).status?.addresses, nodeStatus().addresses)
})

test('merging changes neither what was there nor what was reported', t => {
  const [pod, node] = [makePod('web', 'board-1'), makeNode('board-1')]
  const [podText, nodeText] = [JSON.stringify(pod), JSON.stringify(node)]
  const status = podStatus()
  mergePodStatus(pod, status, now)
  mergeNodeStatus(node, nodeStatus({ conditions: [] }), now)
  t.deepEqual([JSON.stringify(pod), JSON.stringify(node), status as object], [podText, nodeText, podStatus()])
})
