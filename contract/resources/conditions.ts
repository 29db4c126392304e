/** Conditions in a status: finding one, and setting one so that its time says when it last changed. */
import type { Condition } from './meta.ts'

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find(condition => condition.type === type)
}

/**
 * The list with this condition in it, in the place of the one of its type or at the end. `lastTransitionTime` moves to `now`
 * (RFC 3339) only when the status changes. The list itself is left as it is.
 */
export function setCondition(conditions: readonly Condition[] | undefined, next: Condition, now: string): Condition[] {
  const before = findCondition(conditions, next.type)
  const unchangedSince = before?.status === next.status ? before.lastTransitionTime : undefined
  const condition = { ...next, lastTransitionTime: unchangedSince ?? now }
  if (before === undefined) return [...(conditions ?? []), condition]
  return (conditions ?? []).map(candidate => (candidate === before ? condition : candidate))
}
