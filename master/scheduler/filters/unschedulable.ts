/** A cordoned node takes no new pods but those that tolerate being there. */
import { unschedulableTaint } from '../../../contract/resources/node.ts'
import { tolerates } from '../../../contract/resources/taints.ts'
import type { Filter } from './filter.ts'

const cordon = { key: unschedulableTaint, effect: 'NoSchedule' } as const

export const unschedulable: Filter = ({ pod }, node) =>
  node.unschedulable && !tolerates(pod.spec.tolerations, cordon) ? 'node(s) were unschedulable' : undefined
