/** A node: its board, its health and load, and what runs on it. */
import { expectedSinceAnnotation, expectedUntilAnnotation, isExpected } from '../../contract/resources/expected-node.ts'
import type { Node, NodeMetrics } from '../../contract/resources/node.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { isPodFinished, podRequests } from '../../contract/resources/pods.ts'
import { formatAge, formatDuration } from '../durations.ts'
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
    ['Expected', expectationOf(node, nowMs)],
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

/** Of a board whose card was flashed, and that has not been heard of since. */
function expectationOf(node: Node, nowMs: number): string[] | undefined {
  if (!isExpected(node)) return undefined
  const { [expectedSinceAnnotation]: since = '', [expectedUntilAnnotation]: until } = node.metadata.annotations ?? {}
  const flashed = `its card was flashed at ${since}, ${formatAge(since, nowMs)} ago; its board has not reported yet`
  const leftMs = Date.parse(until ?? '') - nowMs
  if (Number.isNaN(leftMs)) return [flashed]
  const token =
    leftMs > 0 ? `runs out in ${formatDuration(leftMs)}` : `ran out ${formatDuration(-leftMs)} ago: flash it again`
  return [flashed, `the token on the card ${token}`]
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
