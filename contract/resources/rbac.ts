/** rbac.authorization.k8s.io/v1: who may do what. */
import type { KubernetesObject } from './meta.ts'

export const rbacGroup = 'rbac.authorization.k8s.io'

export interface PolicyRule {
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, or `*`. */
  verbs: string[]
  apiGroups?: string[]
  /** `pods`, `pods/log`, `*`. */
  resources?: string[]
  resourceNames?: string[]
  nonResourceURLs?: string[]
}

export interface Role extends KubernetesObject {
  kind: 'Role'
  rules?: PolicyRule[]
}

export interface ClusterRole extends KubernetesObject {
  kind: 'ClusterRole'
  rules?: PolicyRule[]
  aggregationRule?: { clusterRoleSelectors?: Array<{ matchLabels?: Record<string, string> }> }
}

export interface RoleRef {
  apiGroup: string
  kind: string
  name: string
}

export interface Subject {
  kind: string
  apiGroup?: string
  name: string
  namespace?: string
}

export interface RoleBinding extends KubernetesObject {
  kind: 'RoleBinding'
  roleRef: RoleRef
  subjects?: Subject[]
}

export interface ClusterRoleBinding extends KubernetesObject {
  kind: 'ClusterRoleBinding'
  roleRef: RoleRef
  subjects?: Subject[]
}
