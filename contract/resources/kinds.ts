/** The kinds that Flotilla knows, with the names Kubernetes gives them. One row a kind: adding a kind starts here. */

export interface Kind {
  kind: string
  /** Empty for the core group. */
  group: string
  version: string
  /** Lower case, as in URLs and in `flotilla get <plural>`. */
  plural: string
  singular: string
  shortNames: readonly string[]
  namespaced: boolean
  /** Served from the master's memory: cannot be written. */
  virtual?: boolean
}

type Scope = 'cluster' | 'namespaced'
type Row = [kind: string, apiVersion: string, plural: string, scope: Scope, ...shortNames: string[]]

const kindOf = ([kind, apiVersion, plural, scope, ...shortNames]: Row): Kind => {
  const [version = '', group = ''] = apiVersion.split('/').reverse()
  return { kind, group, version, plural, singular: kind.toLowerCase(), shortNames, namespaced: scope === 'namespaced' }
}

const rows: Row[] = [
  ['Namespace', 'v1', 'namespaces', 'cluster', 'ns'],
  ['Node', 'v1', 'nodes', 'cluster', 'no'],
  ['Pod', 'v1', 'pods', 'namespaced', 'po'],
  ['Service', 'v1', 'services', 'namespaced', 'svc'],
  ['ConfigMap', 'v1', 'configmaps', 'namespaced', 'cm'],
  ['Secret', 'v1', 'secrets', 'namespaced'],
  ['ServiceAccount', 'v1', 'serviceaccounts', 'namespaced', 'sa'],
  ['Event', 'v1', 'events', 'namespaced', 'ev'],
  ['Deployment', 'apps/v1', 'deployments', 'namespaced', 'deploy'],
  ['ReplicaSet', 'apps/v1', 'replicasets', 'namespaced', 'rs'],
  ['EndpointSlice', 'discovery.k8s.io/v1', 'endpointslices', 'namespaced'],
  ['Role', 'rbac.authorization.k8s.io/v1', 'roles', 'namespaced'],
  ['RoleBinding', 'rbac.authorization.k8s.io/v1', 'rolebindings', 'namespaced'],
  ['ClusterRole', 'rbac.authorization.k8s.io/v1', 'clusterroles', 'cluster'],
  ['ClusterRoleBinding', 'rbac.authorization.k8s.io/v1', 'clusterrolebindings', 'cluster'],
  ['JoinToken', 'flotilla.dev/v1', 'jointokens', 'cluster'],
  ['NodeIdentity', 'flotilla.dev/v1', 'nodeidentities', 'cluster'],
  ['User', 'flotilla.dev/v1', 'users', 'cluster'],
]

export const kinds: readonly Kind[] = [
  ...rows.map(kindOf),
  { ...kindOf(['NodeMetrics', 'metrics.k8s.io/v1beta1', 'nodemetrics', 'cluster']), virtual: true },
]

/** `v1`, `apps/v1` … */
export function apiVersionOf(kind: Kind): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
}

/** The kind of an object; undefined when Flotilla does not have it. */
export function findKind(apiVersion: string, kind: string): Kind | undefined {
  return kinds.find(candidate => candidate.kind === kind && apiVersionOf(candidate) === apiVersion)
}

/** The kind that a person means by `po`, `Pods`, `deployments.apps` …; undefined when none. */
export function findKindByName(name: string): Kind | undefined {
  const [word = '', ...group] = name.toLowerCase().split('.')
  return kinds.find(kind => {
    const names = [kind.plural, kind.singular, ...kind.shortNames]
    return names.includes(word) && (group.length === 0 || kind.group === group.join('.'))
  })
}
