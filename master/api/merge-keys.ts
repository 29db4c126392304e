/**
 * Which lists of a manifest are merged item by item, and by which fields: all others are replaced whole.
 * Source: the `patchMergeKey`, `patchStrategy` and `listMapKey` tags of Kubernetes' API types (core/v1, apps/v1).
 */

type MergeKeys = readonly [pathEnd: string, keys: readonly string[]]

/**
 * `ports` are told apart by protocol too, as server-side apply does: by the number alone a DNS service, which has one port
 * for TCP and for UDP, would lose one of them.
 */
const keysInContainer: readonly MergeKeys[] = [
  ['env', ['name']],
  ['ports', ['containerPort', 'protocol']],
  ['volumeMounts', ['mountPath']],
  ['volumeDevices', ['devicePath']],
]

const containerLists = ['spec.containers', 'spec.initContainers', 'spec.ephemeralContainers']

const mergeKeys: readonly MergeKeys[] = [
  ...containerLists.map((list): MergeKeys => [list, ['name']]),
  ...containerLists.flatMap(list => keysInContainer.map(([end, keys]): MergeKeys => [`${list}[].${end}`, keys])),
  ['spec.volumes', ['name']],
  ['spec.imagePullSecrets', ['name']],
  ['spec.hostAliases', ['ip']],
  ['spec.topologySpreadConstraints', ['topologyKey', 'whenUnsatisfiable']],
  ['spec.ports', ['port', 'protocol']],
  ['metadata.ownerReferences', ['uid']],
]

/** What an absent key field means. */
const defaultKeyValues: Readonly<Record<string, string>> = { protocol: 'TCP' }

/** Maps of which only some members go together: when one changes, those that the manifest does not name go. */
const retainKeysPaths = ['spec.strategy', 'spec.volumes[]']

/** Lists of plain values to which several writers add. */
const setPaths = ['metadata.finalizers']

/** `path` such as `spec.template.spec.containers`, with `[]` for items; undefined for a list that is replaced whole. */
export function findMergeKeys(path: string): readonly string[] | undefined {
  return mergeKeys.find(([end]) => endsAt(path, end))?.[1]
}

export function isSet(path: string): boolean {
  return setPaths.some(end => endsAt(path, end))
}

export function retainsKeys(path: string): boolean {
  return retainKeysPaths.some(end => endsAt(path, end))
}

/** The identity of an item; undefined when it lacks one of the fields. */
export function mergeKeyOf(item: Record<string, unknown>, keys: readonly string[]): string | undefined {
  const values = keys.map(key => item[key] ?? defaultKeyValues[key])
  return values.includes(undefined) ? undefined : JSON.stringify(values)
}

function endsAt(path: string, end: string): boolean {
  return path === end || path.endsWith(`.${end}`)
}
