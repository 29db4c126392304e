/** How far a Deployment's rollout has come, in kubectl's words (`kubectl/pkg/polymorphichelpers/rollout_status.go`). */
import { findCondition } from '../contract/resources/conditions.ts'
import type { Deployment } from '../contract/resources/workloads.ts'

export type RolloutState = 'waiting' | 'done' | 'failed'

/** Pure. */
export function describeRollout({ metadata, spec, status = {} }: Deployment): { state: RolloutState; message: string } {
  const { name, generation = 0 } = metadata
  if ((status.observedGeneration ?? 0) < generation)
    return { state: 'waiting', message: 'Waiting for deployment spec update to be observed...' }
  if (findCondition(status.conditions, 'Progressing')?.reason === 'ProgressDeadlineExceeded')
    return { state: 'failed', message: `deployment "${name}" exceeded its progress deadline` }
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status
  const wanted = spec.replicas ?? 1
  const waiting = (what: string): { state: RolloutState; message: string } => ({
    state: 'waiting',
    message: `Waiting for deployment "${name}" rollout to finish: ${what}...`,
  })
  if (updatedReplicas < wanted) return waiting(`${updatedReplicas} out of ${wanted} new replicas have been updated`)
  if (replicas > updatedReplicas) return waiting(`${replicas - updatedReplicas} old replicas are pending termination`)
  if (availableReplicas < updatedReplicas)
    return waiting(`${availableReplicas} of ${updatedReplicas} updated replicas are available`)
  return { state: 'done', message: `deployment "${name}" successfully rolled out` }
}
