/** Renders what the master learns of this board: capacity, addresses, conditions. Pure. */
import type { Condition, ResourceList } from '../../contract/resources/meta.ts'
import { type NodeStatus, temperatureResource } from '../../contract/resources/node.ts'
import { formatBytes, formatCpu } from '../../contract/resources/quantity.ts'
import type { NodeUsage } from '../../contract/wire/fleet.ts'
import type { Inventory } from './inventory.ts'
import type { Sample } from './sensors.ts'

export interface BoardFacts {
  inventory: Inventory
  agentVersion: string
  runtime: { name: string; version: string }
  address: string | undefined
  memoryTotalBytes: number
  diskTotalBytes: number
  /** What the user lets Flotilla have, where it is less than the board has. */
  offered: ResourceList
  runtimeReady: { ready: boolean; message: string }
}

/** As the kubelet's default. */
const maxPods = 110
/** Share of the memory that pods can't ask for: the system and Flotilla itself live there. */
const reservedMemoryShare = 0.1

export function renderNodeStatus(facts: BoardFacts): NodeStatus {
  const { inventory, agentVersion, runtime, address } = facts
  const capacity = renderCapacity(facts)
  const memoryBytes = Math.floor((facts.memoryTotalBytes * (1 - reservedMemoryShare)) / 1024) * 1024
  return {
    capacity,
    allocatable: { ...capacity, memory: facts.offered['memory'] ?? formatBytes(memoryBytes) },
    addresses: [
      ...(address === undefined ? [] : [{ type: 'InternalIP' as const, address }]),
      { type: 'Hostname', address: inventory.hostname },
    ],
    conditions: [renderReady(facts.runtimeReady)],
    nodeInfo: {
      ...inventory.info,
      containerRuntimeVersion: `${runtime.name}://${runtime.version}`,
      kubeletVersion: agentVersion,
      kubeProxyVersion: agentVersion,
    },
  }
}

/** Rounded, so that noise is no news: the master hears of usage when it moved. */
export function renderUsage(sample: Sample, timestamp: string): NodeUsage {
  const { cpuMillis = 0, memoryBytes, temperatureCelsius } = sample
  return {
    timestamp,
    usage: {
      cpu: formatCpu(Math.round(cpuMillis / 10) * 10),
      memory: formatBytes(Math.round(memoryBytes / 2 ** 20) * 2 ** 20),
      ...(temperatureCelsius === undefined ? {} : { [temperatureResource]: temperatureCelsius.toFixed(1) }),
    },
  }
}

/** True when a reading differs enough to spend bytes on it. */
export function hasMoved(before: Sample | undefined, now: Sample): boolean {
  if (!before) return true
  const cpuMoved = Math.abs((now.cpuMillis ?? 0) - (before.cpuMillis ?? 0)) >= 100
  const memoryMoved = Math.abs(now.memoryBytes - before.memoryBytes) >= 0.02 * now.memoryTotalBytes
  const heatMoved = Math.abs((now.temperatureCelsius ?? 0) - (before.temperatureCelsius ?? 0)) >= 1
  return cpuMoved || memoryMoved || heatMoved
}

function renderCapacity({ inventory, memoryTotalBytes, diskTotalBytes, offered }: BoardFacts): ResourceList {
  return {
    cpu: offered['cpu'] ?? String(inventory.cores),
    memory: offered['memory'] ?? formatBytes(memoryTotalBytes),
    'ephemeral-storage': formatBytes(diskTotalBytes),
    pods: String(maxPods),
  }
}

function renderReady({ ready, message }: { ready: boolean; message: string }): Condition {
  return ready
    ? {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'the agent and its container runtime are ready',
      }
    : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message }
}
