/**
 * What the pods of a node ask for stays within what the node has to give. Only requests count: what is really used is a
 * score, since a board that is busy for a minute is not a board that is full.
 */
import type { Filter } from './filter.ts'

export const resourcesFit: Filter = ({ requests }, { allocatable, requested }) => {
  if (requested.pods + 1 > allocatable.pods) return 'Too many pods'
  if (lacks(requests.cpuMillis, requested.cpuMillis, allocatable.cpuMillis)) return 'Insufficient cpu'
  if (lacks(requests.memoryBytes, requested.memoryBytes, allocatable.memoryBytes)) return 'Insufficient memory'
  for (const name in requests.extended) {
    const wanted = requests.extended[name] ?? 0
    if (lacks(wanted, requested.extended[name] ?? 0, allocatable.extended[name] ?? 0)) return `Insufficient ${name}`
  }
  return undefined
}

/** A pod that asks for nothing fits even where others asked for too much. */
function lacks(wanted: number, taken: number, there: number): boolean {
  return wanted > 0 && taken + wanted > there
}
