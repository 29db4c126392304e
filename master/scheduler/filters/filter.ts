/** What a filter is given and what it answers. */
import type { Pod } from '../../../contract/resources/pod.ts'
import type { Resources } from '../resources.ts'
import type { SnapshotNode } from '../snapshot.ts'

/** A pod to place, with what every filter and score would otherwise work out again for each node. */
export interface Candidate {
  pod: Pod
  requests: Resources
  owner: string | undefined
}

/** Why the pod cannot run on the node, in words that can be counted over nodes; undefined when it can. */
export type Filter = (candidate: Candidate, node: SnapshotNode) => string | undefined
