/**
 * The roles that every cluster has, as Kubernetes has them (its "user-facing roles"): `admin`, `edit` and `view` gather by label,
 * so that who adds a kind adds a role and changes none. Kinds that are still to come are in them already.
 */
import { type ClusterRole, type ClusterRoleBinding, type PolicyRule, rbacGroup } from '../../contract/resources/rbac.ts'
import { rbacApiVersion } from './kinds.ts'

/** `false` on a role or binding keeps it as somebody has changed it. */
export const autoUpdateAnnotation = 'rbac.authorization.kubernetes.io/autoupdate'
const bootstrapLabel = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }

const read = ['get', 'list', 'watch']
const write = ['create', 'delete', 'deletecollection', 'patch', 'update']
const all = [...read, ...write]

const gatherLabel = (role: string): string => `rbac.authorization.k8s.io/aggregate-to-${role}`

/** What belongs to an app, by group. Never Secrets: whoever reads those, acts for others. */
const appKinds: Record<string, string[]> = {
  '': [
    'configmaps',
    'endpoints',
    'persistentvolumeclaims',
    'pods',
    'replicationcontrollers',
    'serviceaccounts',
    'services',
  ],
  apps: ['daemonsets', 'deployments', 'replicasets', 'statefulsets'],
  autoscaling: ['horizontalpodautoscalers'],
  batch: ['cronjobs', 'jobs'],
  'networking.k8s.io': ['ingresses', 'networkpolicies'],
  policy: ['poddisruptionbudgets'],
}

/** What the cluster itself writes: to look at. */
const observedKinds: Record<string, string[]> = {
  '': ['bindings', 'events', 'limitranges', 'namespaces', 'namespaces/status', 'pods/log', 'resourcequotas'],
  'discovery.k8s.io': ['endpointslices'],
  'metrics.k8s.io': ['nodemetrics', 'nodes', 'pods'],
}

const viewRules: PolicyRule[] = [
  ...rulesFor(appKinds, read),
  ...rulesFor(withSubresources(appKinds, ['status', 'scale']), read),
  ...rulesFor(observedKinds, read),
]

const editRules: PolicyRule[] = [
  ...rulesFor(appKinds, write),
  ...rulesFor(withSubresources(appKinds, ['scale']), ['patch', 'update']),
  rule('', ['secrets'], all),
  rule('', ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'services/proxy'], all),
  rule('', ['pods/eviction'], ['create']),
  // Who may start pods acts for their service accounts anyway.
  rule('', ['serviceaccounts'], ['impersonate']),
  rule('', ['serviceaccounts/token'], ['create']),
  rule('apps', ['deployments/rollback'], write),
]

const adminRules: PolicyRule[] = [
  rule(rbacGroup, ['roles', 'rolebindings'], all),
  rule('authorization.k8s.io', ['localsubjectaccessreviews'], ['create']),
]

export const builtinRoles: readonly ClusterRole[] = [
  role('cluster-admin', [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ]),
  gathering('admin', []),
  gathering('edit', ['admin']),
  gathering('view', ['edit']),
  role('system:aggregate-to-admin', adminRules, ['admin']),
  role('system:aggregate-to-edit', editRules, ['edit']),
  role('system:aggregate-to-view', viewRules, ['view']),
  role('system:basic-user', [
    rule('authorization.k8s.io', ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['create']),
  ]),
]

export const builtinBindings: readonly ClusterRoleBinding[] = [
  binding('cluster-admin', 'system:masters'),
  binding('system:basic-user', 'system:authenticated'),
]

function rule(group: string, resources: string[], verbs: string[]): PolicyRule {
  return { apiGroups: [group], resources, verbs }
}

function rulesFor(kinds: Record<string, string[]>, verbs: string[]): PolicyRule[] {
  return Object.entries(kinds).map(([group, resources]) => rule(group, resources, verbs))
}

function withSubresources(kinds: Record<string, string[]>, subresources: string[]): Record<string, string[]> {
  const named = (resources: string[]): string[] =>
    resources.flatMap(resource => subresources.map(subresource => `${resource}/${subresource}`))
  return Object.fromEntries(Object.entries(kinds).map(([group, resources]) => [group, named(resources)]))
}

function role(name: string, rules: PolicyRule[], gatheredBy: string[] = []): ClusterRole {
  const gathered = Object.fromEntries(gatheredBy.map(by => [gatherLabel(by), 'true']))
  return { apiVersion: rbacApiVersion, kind: 'ClusterRole', metadata: metadataOf(name, gathered), rules }
}

function gathering(name: string, gatheredBy: string[]): ClusterRole {
  const clusterRoleSelectors = [{ matchLabels: { [gatherLabel(name)]: 'true' } }]
  const { rules: _none, ...rest } = role(name, [], gatheredBy)
  return { ...rest, aggregationRule: { clusterRoleSelectors } }
}

function binding(name: string, group: string): ClusterRoleBinding {
  return {
    apiVersion: rbacApiVersion,
    kind: 'ClusterRoleBinding',
    metadata: metadataOf(name),
    roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name },
    subjects: [{ kind: 'Group', apiGroup: rbacGroup, name: group }],
  }
}

function metadataOf(name: string, labels: Record<string, string> = {}): ClusterRole['metadata'] {
  return { name, labels: { ...bootstrapLabel, ...labels }, annotations: { [autoUpdateAnnotation]: 'true' } }
}
