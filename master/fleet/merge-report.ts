/** How what a node reports becomes part of the objects that the cluster sees. Pure. */
import { setCondition } from '../../contract/resources/conditions.ts'
import { isExpected, withoutExpectation } from '../../contract/resources/expected-node.ts'
import type { Condition } from '../../contract/resources/meta.ts'
import type { Node, NodeStatus } from '../../contract/resources/node.ts'
import type { Pod, PodStatus } from '../../contract/resources/pod.ts'

/** The object of a node that was never heard of before. */
export function newNode(name: string, status: NodeStatus, now: string): Node {
  const metadata = { name, labels: labelsOf(name, status) }
  return mergeNodeStatus({ apiVersion: 'v1', kind: 'Node', metadata, spec: {} }, status, now)
}

/** What a board says of itself by being there; all other labels are the cluster's. */
function labelsOf(name: string, { nodeInfo }: NodeStatus): Record<string, string> {
  const { architecture = 'unknown', operatingSystem = 'linux' } = nodeInfo ?? {}
  return { 'kubernetes.io/hostname': name, 'kubernetes.io/arch': architecture, 'kubernetes.io/os': operatingSystem }
}

/** The first word of a board that was waited for: what people wrote on its object meanwhile stays. */
function welcome(node: Node, status: NodeStatus): Node {
  const { metadata, ...rest } = withoutExpectation(node)
  return { ...rest, metadata: { ...metadata, labels: { ...metadata.labels, ...labelsOf(metadata.name, status) } } }
}

/** A node speaks for its status only; its spec and labels are the cluster's. */
export function mergeNodeStatus(node: Node, reported: NodeStatus, now: string): Node {
  const { conditions = [], ...rest } = reported
  const known = isExpected(node) ? welcome(node, reported) : node
  return {
    ...known,
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
