/** How many pods a second the scheduler places, by the size of the cluster and by how many pods there are already. */
import type { Node } from '../contract/resources/node.ts'
import type { Pod } from '../contract/resources/pod.ts'
import { type Random, seededRandom } from '../kit/random.ts'
import { placePod } from '../master/scheduler/place.ts'
import { ClusterSnapshot } from '../master/scheduler/snapshot.ts'
import type { BenchRow } from './row.ts'

const nodeCounts = [100, 1000, 5000]
const warmUpPods = 2000
const measuredPods = 5000
const podsPerOwner = 50

export async function benchSchedule(): Promise<BenchRow[]> {
  return nodeCounts.flatMap(count => {
    const random = seededRandom(1)
    const snapshot = fillSnapshot(count, random)
    placePods(snapshot, { random, from: 0, count: warmUpPods })
    const first = placePods(snapshot, { random, from: warmUpPods, count: measuredPods })
    const later = placePods(snapshot, { random, from: warmUpPods + measuredPods, count: measuredPods })
    const note = `${Math.round(later)}/s with ${warmUpPods + measuredPods} pods there already`
    return [{ name: `schedule, ${count} nodes`, value: Math.round(first), unit: 'pods/s', note }]
  })
}

/** Pods a second. */
function placePods(
  snapshot: ClusterSnapshot,
  { random, from, count }: { random: Random; from: number; count: number },
): number {
  const pods = Array.from({ length: count }, (_, index) => makePod(from + index))
  const startedAt = performance.now()
  for (const pod of pods) {
    const placement = placePod(pod, snapshot, random)
    if (!('node' in placement)) throw new Error(`cannot place a pod: because ${placement.summary}`)
    snapshot.addPod(pod, placement.node)
  }
  return (count * 1000) / (performance.now() - startedAt)
}

function fillSnapshot(count: number, random: Random): ClusterSnapshot {
  const snapshot = new ClusterSnapshot()
  for (let index = 0; index < count; index++) {
    const node = makeNode(`board-${index}`)
    snapshot.setNode(node, true)
    const temperatureCelsius = 40 + 30 * random.number()
    snapshot.setUsage(node.metadata.name, {
      cpuShare: random.number(),
      memoryShare: random.number(),
      temperatureCelsius,
    })
  }
  return snapshot
}

/** Large enough for all pods of the benchmark, also when there are few nodes. */
function makeNode(name: string): Node {
  const allocatable = { cpu: '64', memory: '64Gi', pods: '1000' }
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: {} }, spec: {}, status: { allocatable } }
}

function makePod(index: number): Pod {
  const owner = `set-${Math.floor(index / podsPerOwner)}`
  const reference = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true }
  const resources = { requests: { cpu: '50m', memory: '64Mi' } }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `pod-${index}`, namespace: 'default', uid: `${index}`, ownerReferences: [reference] },
    spec: { containers: [{ name: 'main', image: 'web', resources }] },
  }
}
