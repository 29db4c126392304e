/** What a score is given and what it answers. */
import type { Candidate } from '../filters/filter.ts'
import type { SnapshotNode } from '../snapshot.ts'

/** What holds for all nodes that passed the filters. */
export interface Field {
  /** The fewest pods of the candidate's owner on any of them. */
  fewestOfOwner: number
}

/** How well the node suits, 0 to 100. */
export type Score = (candidate: Candidate, node: SnapshotNode, field: Field) => number

/** For what a board does not tell: neither better nor worse. */
export const neutralScore = 50

/** `share` 0 to 1 becomes 0 to 100; what lies outside is cut off. */
export function scoreOf(share: number): number {
  return 100 * Math.min(1, Math.max(0, share))
}
