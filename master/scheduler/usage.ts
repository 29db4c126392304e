/** What a board measured of itself, as shares of what it has. */
import { type Node, type NodeMetrics, temperatureResource } from '../../contract/resources/node.ts'
import { bytesOf, milliCpu, parseQuantity } from '../../contract/resources/quantity.ts'
import type { NodeLoad } from './snapshot.ts'

/** Undefined when the board has measured nothing yet, or has not said what it has. */
export function readLoad(node: Node, metrics: NodeMetrics | undefined): NodeLoad | undefined {
  const { capacity } = node.status ?? {}
  if (!metrics || !capacity) return undefined
  const { cpu = '0', memory = '0', [temperatureResource]: temperature } = metrics.usage
  return {
    cpuShare: share(milliCpu(cpu), milliCpu(capacity['cpu'] ?? '0')),
    memoryShare: share(bytesOf(memory), bytesOf(capacity['memory'] ?? '0')),
    ...(temperature !== undefined && { temperatureCelsius: parseQuantity(temperature) }),
  }
}

function share(used: number, there: number): number {
  return there > 0 ? Math.min(1, used / there) : 1
}
