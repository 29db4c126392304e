/** Boards that have promised least first: what is asked for and how many pods there are, with the new pod counted. */
import { type Score, scoreOf } from './score.ts'

/** The three shares count alike, so that pods which ask for nothing still fill boards evenly. */
export const requested: Score = ({ requests }, node) => {
  const cpu = share(node.requested.cpuMillis + requests.cpuMillis, node.allocatable.cpuMillis)
  const memory = share(node.requested.memoryBytes + requests.memoryBytes, node.allocatable.memoryBytes)
  const pods = share(node.requested.pods + 1, node.allocatable.pods)
  return scoreOf(1 - (cpu + memory + pods) / 3)
}

function share(taken: number, there: number): number {
  return there > 0 ? Math.min(1, taken / there) : 1
}
