/** Store keys: `pods/default/web-1`, `nodes/board-1`, `deployments.apps/default/web`. */
import type { Kind } from '../../contract/resources/kinds.ts'

/** Prefix of all objects of a kind, or of those in one namespace. Ends in `/`. */
export function kindPrefix(kind: Kind, namespace?: string): string {
  const resource = kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`
  return kind.namespaced && namespace !== undefined ? `${resource}/${namespace}/` : `${resource}/`
}

/** Key of one object. `namespace` is ignored for kinds of the whole cluster. */
export function objectKey(kind: Kind, namespace: string | undefined, name: string): string {
  return kind.namespaced ? `${kindPrefix(kind, namespace ?? 'default')}${name}` : `${kindPrefix(kind)}${name}`
}
