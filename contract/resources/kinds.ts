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

const row = (kind: string, apiVersion: string, plural: string, shortNames: string[], namespaced: boolean): Kind => {
  const [version = '', group = ''] = apiVersion.split('/').reverse()
  return { kind, group, version, plural, singular: kind.toLowerCase(), shortNames, namespaced }
}

export const kinds: readonly Kind[] = [
  row('Namespace', 'v1', 'namespaces', ['ns'], false),
  row('Node', 'v1', 'nodes', ['no'], false),
  row('Pod', 'v1', 'pods', ['po'], true),
  row('Service', 'v1', 'services', ['svc'], true),
  row('ConfigMap', 'v1', 'configmaps', ['cm'], true),
  row('Event', 'v1', 'events', ['ev'], true),
  row('Deployment', 'apps/v1', 'deployments', ['deploy'], true),
  row('ReplicaSet', 'apps/v1', 'replicasets', ['rs'], true),
  row('EndpointSlice', 'discovery.k8s.io/v1', 'endpointslices', [], true),
  { ...row('NodeMetrics', 'metrics.k8s.io/v1beta1', 'nodemetrics', [], false), virtual: true },
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
