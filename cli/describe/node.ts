/** A node: its board, its health and load, and what runs on it. */
import type { Node, NodeMetrics } from '../../contract/resources/node.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { isPodFinished, podRequests } from '../../contract/resources/pods.ts'
import { formatAge } from '../durations.ts'
import { formatTemperature, roles } from '../tables/nodes.ts'
import { podStatusWord } from '../tables/pods.ts'
import { conditionsOf, headOf, quantitiesOf } from './common.ts'
import type { Field } from './page.ts'

export interface NodeContext {
  metrics: NodeMetrics | undefined
  pods: Pod[]
  nowMs: number
}

export function describeNode(node: Node, { metrics, pods, nowMs }: NodeContext): Field[] {
  const { spec, status = {} } = node
  const info = status.nodeInfo
  return [
    ...headOf(node),
    ['Roles', roles(node)],
    ['Taints', (spec.taints ?? []).map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`)],
    ['Unschedulable', String(spec.unschedulable ?? false)],
    conditionsOf(status.conditions),
    ['Addresses', (status.addresses ?? []).map(({ type, address }): Field => [type, address])],
    [
      'Usage',
      metrics && [
        ['cpu', metrics.usage['cpu']],
        ['memory', metrics.usage['memory']],
        ['temperature', formatTemperature(metrics)],
      ],
    ],
    ['Capacity', quantitiesOf(status.capacity)],
    ['Allocatable', quantitiesOf(status.allocatable)],
    ['System Info', info && Object.entries(info).map(([label, value]): Field => [label, String(value)])],
    ['PodCIDR', spec.podCIDR],
    [
      'Pods',
      podsOf(
        pods.filter(pod => !isPodFinished(pod)),
        nowMs,
      ),
    ],
  ]
}

function podsOf(pods: Pod[], nowMs: number): Field[1] {
  if (pods.length === 0) return '<none>'
  const rows = pods.map(pod => {
    const { cpuMillis, memoryBytes } = podRequests(pod)
    const { namespace = '', name, creationTimestamp } = pod.metadata
    const memory = `${Math.round(memoryBytes / 1024 / 1024)}Mi`
    return [namespace, name, podStatusWord(pod), `${cpuMillis}m`, memory, formatAge(creationTimestamp, nowMs)]
  })
  return { rows: [['Namespace', 'Name', 'Status', 'CPU Requests', 'Memory Requests', 'Age'], ...rows] }
}
