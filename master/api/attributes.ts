/** What each verb of the API is in the words of RBAC. A verb without a row does not compile. */
import { flotillaGroup } from '../../contract/resources/trust.ts'
import type { ReviewAttributes, Target } from '../../contract/wire/api.ts'
import type { RequestOf, Verb } from './room.ts'
import { namedBy, type Place, placeObject, placeOf } from './target.ts'

type AttributesOf = { [V in Verb]: (request: RequestOf<V>) => ReviewAttributes | undefined }

const reviewGroup = 'authorization.k8s.io'

/** Undefined: whoever belongs to the cluster may. Dry runs are asked for as the real thing. */
const attributesOf: AttributesOf = {
  get: ({ target }) => ofNamed('get', target),
  list: ({ target, fieldSelector }) => ofPlace('list', placeOf(target), nameSelected(fieldSelector)),
  watch: ({ target, fieldSelector }) => ofPlace('watch', placeOf(target), target.name ?? nameSelected(fieldSelector)),
  create: ({ target, object }) => ofPlace('create', placeObject(target, object).place, undefined),
  update: request => ({
    ...ofObject('update', request),
    ...(request.subresource && { subresource: request.subresource }),
  }),
  patch: ({ target }) => ofNamed('patch', target),
  // What is not there yet asks for `create` too, where it is made.
  apply: request => ofObject('patch', request),
  delete: ({ target }) => ofNamed('delete', target),
  logs: ({ target }) => ({ ...ofNamed('get', target), subresource: 'log' }),
  exec: ({ target }) => ({ ...ofNamed('create', target), subresource: 'exec' }),
  sign: ({ target }) => ({ ...ofNamed('create', target), subresource: 'certificate' }),
  token: ({ target }) => ({ ...ofNamed('create', target), subresource: 'token' }),
  review: () => ({ verb: 'create', resource: 'selfsubjectaccessreviews', group: reviewGroup }),
  rules: () => ({ verb: 'create', resource: 'selfsubjectrulesreviews', group: reviewGroup }),
  rotate: () => ({ verb: 'update', resource: 'secrets', group: '', subresource: 'encryptionkey' }),
  invite: () => ({ verb: 'create', resource: 'jointokens', group: flotillaGroup }),
  counters: () => ({ verb: 'get', resource: 'counters', group: flotillaGroup }),
  version: () => undefined,
}

/** Throws `BadRequest` and `NotFound` for what no object can be, which tells nothing of those that are there. */
export function readAttributes<V extends Verb>(request: RequestOf<V>): ReviewAttributes | undefined {
  // The table pairs each verb with its request; the compiler cannot follow the pair through an index.
  const read = attributesOf[request.verb as V] as (request: RequestOf<V>) => ReviewAttributes | undefined
  return read(request)
}

/** For what a verb turns out to need on its way. */
export function attributesAt(verb: string, place: Place, name?: string): ReviewAttributes {
  return ofPlace(verb, place, name)
}

function ofNamed(verb: string, target: Target): ReviewAttributes {
  const named = namedBy(target)
  return ofPlace(verb, named, named.name)
}

function ofObject(verb: string, { target, object }: RequestOf<'update' | 'apply'>): ReviewAttributes {
  const { place, object: placed } = placeObject(target, object)
  return ofPlace(verb, place, placed.metadata.name)
}

/** As in Kubernetes, one namespace counts as being in itself: a RoleBinding in it may let somebody read it. */
function ofPlace(verb: string, { kind, namespace }: Place, name: string | undefined): ReviewAttributes {
  const isNamespace = kind.kind === 'Namespace' && kind.group === ''
  const inside = isNamespace ? name : namespace
  return {
    verb,
    resource: kind.plural,
    group: kind.group,
    ...(inside !== undefined && { namespace: inside }),
    ...(name !== undefined && { name }),
  }
}

/** A list or a watch of one object is one that a rule for its name allows: no other may be shown by it. */
export function nameSelected(fieldSelector: string | undefined): string | undefined {
  if (fieldSelector === undefined || fieldSelector.includes('\\')) return undefined
  const terms = fieldSelector.split(',').map(term => /^\s*metadata\.name\s*==?\s*([^\s=!]+)\s*$/.exec(term)?.[1])
  return terms.find(name => name !== undefined)
}
