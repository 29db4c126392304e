/** Nodes, and with `-o wide` how the boards are doing: load, memory and heat where they can measure it. */
import { findCondition } from '../../contract/resources/conditions.ts'
import { isExpected } from '../../contract/resources/expected-node.ts'
import type { Node, NodeMetrics } from '../../contract/resources/node.ts'
import { temperatureResource } from '../../contract/resources/node.ts'
import { parseQuantity } from '../../contract/resources/quantity.ts'
import { ageColumn, nameColumn } from './common.ts'
import { type CellContext, type Column, none, orNone } from './table-kind.ts'

const rolePrefix = 'node-role.kubernetes.io/'

export const nodeColumns: Column<Node>[] = [
  nameColumn(),
  { title: 'STATUS', cell: nodeStatusWord },
  { title: 'ROLES', cell: roles },
  ageColumn(),
  { title: 'VERSION', cell: node => orNone(node.status?.nodeInfo?.kubeletVersion) },
  { title: 'CPU%', wide: true, cell: (node, context) => share(node, context, 'cpu') },
  { title: 'MEMORY%', wide: true, cell: (node, context) => share(node, context, 'memory') },
  { title: 'TEMP', wide: true, cell: (node, context) => formatTemperature(context.usage.get(node.metadata.name)) },
  { title: 'ARCH', wide: true, cell: node => orNone(node.status?.nodeInfo?.architecture) },
  { title: 'INTERNAL-IP', wide: true, cell: internalAddress },
  { title: 'OS-IMAGE', wide: true, cuttable: true, cell: node => orNone(node.status?.nodeInfo?.osImage) },
  { title: 'KERNEL-VERSION', wide: true, cuttable: true, cell: node => orNone(node.status?.nodeInfo?.kernelVersion) },
  {
    title: 'CONTAINER-RUNTIME',
    wide: true,
    cuttable: true,
    cell: node => orNone(node.status?.nodeInfo?.containerRuntimeVersion),
  },
]

/** `Ready`, `NotReady`, `Unknown`, `Expected` (a card was flashed), with `,SchedulingDisabled` when cordoned. */
function nodeStatusWord(node: Node): string {
  const ready = findCondition(node.status?.conditions, 'Ready')
  // kubectl says NotReady for a condition that nobody keeps up any more, too.
  const unreported = isExpected(node) ? 'Expected' : 'Unknown'
  const word = ready === undefined ? unreported : ready.status === 'True' ? 'Ready' : 'NotReady'
  return node.spec.unschedulable ? `${word},SchedulingDisabled` : word
}

export function roles(node: Node): string {
  const labels = Object.keys(node.metadata.labels ?? {})
  const names = labels.filter(label => label.startsWith(rolePrefix)).map(label => label.slice(rolePrefix.length))
  return orNone(names.sort().join(','))
}

function internalAddress(node: Node): string {
  return orNone(node.status?.addresses?.find(address => address.type === 'InternalIP')?.address)
}

/** `51°C`. */
export function formatTemperature(metrics: NodeMetrics | undefined): string {
  const celsius = metrics?.usage[temperatureResource]
  return celsius === undefined ? none : `${Math.round(parseQuantity(celsius))}°C`
}

/** Of the whole board, not of what pods may have: a busy system counts. */
function share(node: Node, { usage }: CellContext, resource: 'cpu' | 'memory'): string {
  const used = usage.get(node.metadata.name)?.usage[resource]
  const capacity = node.status?.capacity?.[resource]
  if (used === undefined || capacity === undefined) return none
  const whole = parseQuantity(capacity)
  return whole > 0 ? `${Math.round((parseQuantity(used) / whole) * 100)}%` : none
}
