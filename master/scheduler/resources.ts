/** What a pod asks for and what a node has, as numbers: read once, then only added and compared. */
import type { ResourceList } from '../../contract/resources/meta.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { podRequests } from '../../contract/resources/pods.ts'
import { bytesOf, milliCpu, parseQuantity } from '../../contract/resources/quantity.ts'

export interface Resources {
  cpuMillis: number
  memoryBytes: number
  pods: number
  /** Everything else, by its name: `flotilla.dev/gpiochip0`, `ephemeral-storage` … */
  extended: Record<string, number>
}

export function noResources(): Resources {
  return { cpuMillis: 0, memoryBytes: 0, pods: 0, extended: {} }
}

/** What a node has to give. */
export function readAllocatable(list: ResourceList): Resources {
  return {
    cpuMillis: milliCpu(list['cpu'] ?? '0'),
    memoryBytes: bytesOf(list['memory'] ?? '0'),
    pods: parseQuantity(list['pods'] ?? '0'),
    extended: readExtended(list),
  }
}

/** What a node must have free for the pod. */
export function readRequests(pod: Pod): Resources {
  const extended: Resources['extended'] = {}
  for (const { resources } of pod.spec.containers) {
    if (resources) addAmounts(extended, readExtended({ ...resources.limits, ...resources.requests }), 1)
  }
  return { ...podRequests(pod), pods: 1, extended }
}

/** Adds `amount` to `total` (sign 1) or takes it away (sign -1), in place. */
export function addResources(total: Resources, amount: Resources, sign: 1 | -1): void {
  total.cpuMillis += sign * amount.cpuMillis
  total.memoryBytes += sign * amount.memoryBytes
  total.pods += sign * amount.pods
  addAmounts(total.extended, amount.extended, sign)
}

function addAmounts(total: Record<string, number>, amounts: Record<string, number>, sign: 1 | -1): void {
  for (const name in amounts) total[name] = (total[name] ?? 0) + sign * (amounts[name] ?? 0)
}

function readExtended(list: ResourceList): Record<string, number> {
  const extended: Record<string, number> = {}
  for (const name in list) {
    if (name !== 'cpu' && name !== 'memory' && name !== 'pods') extended[name] = parseQuantity(list[name] ?? '0')
  }
  return extended
}
