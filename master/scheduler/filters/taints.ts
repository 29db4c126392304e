/** A taint keeps away the pods that do not tolerate it; one that only prefers to (`PreferNoSchedule`) does not. */
import { tolerates } from '../../../contract/resources/taints.ts'
import type { Filter } from './filter.ts'

export const taints: Filter = ({ pod }, node) => {
  for (const taint of node.taints) {
    if (taint.effect === 'PreferNoSchedule' || tolerates(pod.spec.tolerations, taint)) continue
    return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`
  }
  return undefined
}
