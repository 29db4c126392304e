/** Whether a pod puts up with a node's taint (core/v1 Toleration, `ToleratesTaint`). */
import type { Taint } from './node.ts'
import type { Toleration } from './pod.ts'

/** True when one of the tolerations covers the taint. */
export function tolerates(tolerations: readonly Toleration[] | undefined, taint: Taint): boolean {
  return findToleration(tolerations, taint) !== undefined
}

/** The first that covers the taint: its `tolerationSeconds` say for how long a NoExecute taint is borne. */
export function findToleration(tolerations: readonly Toleration[] | undefined, taint: Taint): Toleration | undefined {
  return tolerations?.find(toleration => covers(toleration, taint))
}

/** An empty effect covers all effects, an empty key with Exists all taints. */
function covers(toleration: Toleration, taint: Taint): boolean {
  const { key = '', operator = 'Equal', value = '', effect } = toleration
  if (effect && effect !== taint.effect) return false
  if (key !== '' && key !== taint.key) return false
  return operator === 'Exists' || (key !== '' && value === (taint.value ?? ''))
}
