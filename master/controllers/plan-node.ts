/** What a node's object says about a board that cannot be reached, or that says itself that it is not ready. Pure. */
import { findCondition, setCondition } from '../../contract/resources/conditions.ts'
import { type Node, notReadyTaint, type Taint, unreachableTaint } from '../../contract/resources/node.ts'
import type { TaintEffect, Toleration } from '../../contract/resources/pod.ts'
import { findToleration } from '../../contract/resources/taints.ts'
import type { Reach } from './node-reach.ts'

const unreachableEffects: TaintEffect[] = ['NoSchedule', 'NoExecute']
/**
 * A board that answers is alive, and so most likely are its containers (the runtime restarts, say): it gets no new pods, but
 * those it has are not taken away, since they would only have to start again elsewhere.
 */
const notReadyEffects: TaintEffect[] = ['NoSchedule']

/** The node as it should be; the very same object when it is right as it is. */
export function planNode(node: Node, reach: Reach, timestamp: string): Node {
  if (reach.state === 'lost') {
    const unreachable = withTaints(node, { key: unreachableTaint, effects: unreachableEffects, timestamp })
    return withUnknownReady(withoutTaints(unreachable, notReadyTaint), reach.why, timestamp)
  }
  const ready = findCondition(node.status?.conditions, 'Ready')
  // Until the board has reported for itself, what is known of it stays.
  if (reach.state === 'unheard' || !ready || ready.status === 'Unknown') return node
  const reached = withoutTaints(node, unreachableTaint)
  if (ready.status === 'True') return withoutTaints(reached, notReadyTaint)
  return withTaints(reached, { key: notReadyTaint, effects: notReadyEffects, timestamp })
}

/**
 * How much longer a pod with these tolerations may stay on a node with these taints, ms: 0 means it has to go now, Infinity
 * that it may stay. Where there is no toleration there is no delay (Kubernetes adds 300 s of its own to every pod).
 */
export function msToStay(
  tolerations: readonly Toleration[] | undefined,
  taints: readonly Taint[],
  nowMs: number,
): number {
  const times = taints
    .filter(taint => taint.effect === 'NoExecute')
    .map(taint => {
      const toleration = findToleration(tolerations, taint)
      if (!toleration) return 0
      if (toleration.tolerationSeconds === undefined) return Number.POSITIVE_INFINITY
      const since = Date.parse(taint.timeAdded ?? '') || nowMs
      return Math.max(0, since + toleration.tolerationSeconds * 1000 - nowMs)
    })
  return Math.min(Number.POSITIVE_INFINITY, ...times)
}

function withUnknownReady(node: Node, message: string, timestamp: string): Node {
  const present = findCondition(node.status?.conditions, 'Ready')
  if (present?.status === 'Unknown') return node
  const unknown = { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown', message } as const
  const conditions = setCondition(node.status?.conditions, { ...present, ...unknown }, timestamp)
  return { ...node, status: { ...node.status, conditions } }
}

function withTaints(
  node: Node,
  { key, effects, timestamp }: { key: string; effects: TaintEffect[]; timestamp: string },
): Node {
  const present = node.spec.taints ?? []
  const missing = effects.filter(effect => !present.some(taint => taint.key === key && taint.effect === effect))
  if (missing.length === 0) return node
  const added = missing.map(effect => ({ key, effect, timeAdded: timestamp }))
  return { ...node, spec: { ...node.spec, taints: [...present, ...added] } }
}

function withoutTaints(node: Node, key: string): Node {
  const { taints: present = [], ...spec } = node.spec
  const taints = present.filter(taint => taint.key !== key)
  if (taints.length === present.length) return node
  return { ...node, spec: { ...spec, ...(taints.length > 0 && { taints }) } }
}
