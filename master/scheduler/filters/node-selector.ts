/** A pod's nodeSelector names labels that its node must have. */
import type { Filter } from './filter.ts'

export const nodeSelector: Filter = ({ pod }, node) => {
  const wanted = pod.spec.nodeSelector
  for (const key in wanted) {
    if (node.labels[key] !== wanted[key]) return "node(s) didn't match Pod's node affinity/selector"
  }
  return undefined
}
