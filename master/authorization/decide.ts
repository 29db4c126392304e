/** May this asker do that? With the binding that says so, or that none does. */
import type { ReviewAttributes } from '../../contract/wire/api.ts'
import { parseUsername } from '../../contract/wire/identity.ts'
import { type Asker, isMaster, mastersGroup, nodesGroup } from './asker.ts'
import { decideForNode, type NodeView } from './node-rights.ts'
import type { Grant, RoleBook } from './role-book.ts'
import { resourcePath, ruleAllows } from './rules.ts'

export interface Decision {
  allowed: boolean
  reason: string
  /** How many rules were looked at. */
  looked: number
}

export interface Rights {
  book: RoleBook
  /** What nodes may do depends on the pods that they run. */
  nodes: NodeView
}

export function decide({ book, nodes }: Rights, asker: Asker, attributes: ReviewAttributes): Decision {
  if (isMaster(asker)) return { allowed: true, reason: `group "${mastersGroup}" may do everything`, looked: 0 }
  const node = nodeOf(asker)
  if (node !== undefined) {
    const reason = decideForNode(nodes, node, attributes)
    if (reason !== undefined) return { allowed: true, reason, looked: 0 }
  }
  let looked = 0
  for (const grant of book.grantsOf(asker, attributes.namespace)) {
    looked++
    if (ruleAllows(grant.rule, attributes)) return { allowed: true, reason: describeGrant(grant), looked }
  }
  return { allowed: false, reason: 'no role that is bound to it allows this', looked }
}

/** The node that an asker is; undefined for all others. */
export function nodeOf({ username, groups }: Asker): string | undefined {
  const identity = groups.includes(nodesGroup) ? parseUsername(username) : undefined
  return identity?.kind === 'node' ? identity.name : undefined
}

function describeGrant({ binding, subject }: Grant): string {
  const { kind, metadata, roleRef } = binding
  const name = metadata.namespace ? `${metadata.name}/${metadata.namespace}` : metadata.name
  const whom = subject.namespace ? `${subject.name}/${subject.namespace}` : subject.name
  return `RBAC: allowed by ${kind} "${name}" of ${roleRef.kind} "${roleRef.name}" to ${subject.kind} "${whom}"`
}

/** `User "bob" cannot list resource "pods" in API group "" in the namespace "x"`, as kube-apiserver refuses. */
export function describeRefusal({ username }: Asker, attributes: ReviewAttributes): string {
  const { verb, group, namespace } = attributes
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`
  return `User "${username}" cannot ${verb} resource "${resourcePath(attributes)}" in API group "${group}" ${where}`
}
