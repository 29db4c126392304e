/** Pods of one owner on different boards, so that a lost board takes as few of them as possible. */
import { type Score, scoreOf } from './score.ts'

/**
 * What each pod costs that a node has more than the emptiest one. Counting from the emptiest keeps the difference between
 * 10 and 11 pods as large as that between 0 and 1.
 */
const costOfOneMore = 0.5

export const spread: Score = ({ owner }, node, field) => {
  if (owner === undefined) return 100
  const more = (node.podsByOwner.get(owner) ?? 0) - field.fewestOfOwner
  return scoreOf(1 - costOfOneMore * more)
}
