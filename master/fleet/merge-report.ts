/** How what a node reports becomes part of the objects that the cluster sees. Pure. */
import { setCondition } from '../../contract/resources/conditions.ts'
import type { Condition } from '../../contract/resources/meta.ts'
import type { Node, NodeStatus } from '../../contract/resources/node.ts'
import type { Pod, PodStatus } from '../../contract/resources/pod.ts'

/** The object of a node that was never heard of before. */
export function newNode(name: string, status: NodeStatus, now: string): Node {
  const { architecture = 'unknown', operatingSystem = 'linux' } = status.nodeInfo ?? {}
  const labels = {
    'kubernetes.io/hostname': name,
    'kubernetes.io/arch': architecture,
    'kubernetes.io/os': operatingSystem,
  }
  const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: {} }
  return mergeNodeStatus(node, status, now)
}

/** A node speaks for its status only; its spec and labels are the cluster's. */
export function mergeNodeStatus(node: Node, reported: NodeStatus, now: string): Node {
  const { conditions = [], ...rest } = reported
  return {
    ...node,
    status: { ...node.status, ...rest, conditions: mergeConditions(node.status?.conditions, conditions, now) },
  }
}

/** Times of change are the master's: a board without a clock may think that it is 1970. */
export function mergePodStatus(pod: Pod, reported: PodStatus, now: string): Pod {
  const { conditions = [], ...rest } = reported
  return { ...pod, status: { ...rest, conditions: mergeConditions(pod.status?.conditions, conditions, now) } }
}

function mergeConditions(before: readonly Condition[] | undefined, reported: Condition[], now: string): Condition[] {
  return reported.reduce<Condition[]>((merged, condition) => setCondition(merged, condition, now), [...(before ?? [])])
}
