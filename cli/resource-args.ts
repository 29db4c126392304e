/** Which kinds and names the arguments of a command mean: `pods`, `po,svc`, `pod web-1 web-2`, `deploy/web svc/web`. */
import { findKindByName, type Kind, kinds } from '../contract/resources/kinds.ts'
import { nearestTo } from '../contract/resources/nearest.ts'
import type { Target } from '../contract/wire/api.ts'
import { missingKind } from './kubectl-words.ts'
import { UsageError } from './usage-error.ts'

export interface Wanted {
  kind: Kind
  /** Empty: all of them. */
  names: string[]
}

/** What `all` stands for in kubectl, as far as we have it. */
const allKinds = ['pods', 'services', 'deployments', 'replicasets']

/** Throws UsageError. `pods,svc web` means the name in each of the kinds. */
export function parseResourceArgs(args: string[]): Wanted[] {
  const [types, ...names] = args
  if (types === undefined)
    throw new UsageError('you must specify the type of resource to get, such as pods (see "flotilla api-resources")')
  if (args.some(arg => arg.includes('/'))) return groupByKind(args.map(parseTypeSlashName))
  return types
    .split(',')
    .flatMap(word => (word === 'all' ? allKinds : [word]))
    .map(word => ({ kind: kindNamed(word), names }))
}

/** The one object that `pod/web-1`, `pod web-1` or, where `fallback` says so, `web-1` means. */
export function parseOneResource(args: string[], fallback?: string): { kind: Kind; name: string } {
  const bare = args.length === 1 && fallback !== undefined && !args[0]?.includes('/')
  const [wanted, ...others] = parseResourceArgs(bare ? [fallback, ...args] : args)
  const [name, ...more] = wanted?.names ?? []
  if (!wanted || name === undefined || others.length > 0 || more.length > 0)
    throw new UsageError('name one object, such as pod/web-1')
  return { kind: wanted.kind, name }
}

export function targetOf(kind: Kind, namespace: string | undefined, name?: string): Target {
  return {
    resource: kind.plural,
    group: kind.group,
    ...(kind.namespaced && namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
  }
}

export function kindNamed(word: string): Kind {
  const kind = findKindByName(word)
  if (kind) return kind
  const seeAll = 'see "flotilla api-resources"'
  const missing = missingKind(word)
  if (missing !== undefined) throw new UsageError(`Flotilla has no ${missing} yet: ${seeAll}`)
  const known = kinds.flatMap(row => [row.plural, row.singular, ...row.shortNames])
  const [nearest] = nearestTo(word.toLowerCase(), known)
  const hint = nearest === undefined ? seeAll : `did you mean ${nearest}?`
  throw new UsageError(`the server doesn't have a resource type "${word}": ${hint}`)
}

function parseTypeSlashName(arg: string): { kind: Kind; name: string } {
  const [type = '', name = '', ...rest] = arg.split('/')
  if (!arg.includes('/'))
    throw new UsageError(`"${arg}" has no type: where one argument is type/name (as pod/web-1), all must be`)
  if (type === '' || name === '' || rest.length > 0) throw new UsageError(`"${arg}" is not of the form type/name`)
  return { kind: kindNamed(type), name }
}

function groupByKind(objects: Array<{ kind: Kind; name: string }>): Wanted[] {
  const groups = new Map<Kind, string[]>()
  for (const { kind, name } of objects) groups.set(kind, [...(groups.get(kind) ?? []), name])
  return [...groups].map(([kind, names]) => ({ kind, names }))
}
