/** Which kind and which object a request means. */
import { type Kind, kinds } from '../../contract/resources/kinds.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { Target } from '../../contract/wire/api.ts'
import { badRequest, noSuchResource, resourceName } from './refusals.ts'

export interface Place {
  kind: Kind
  /** Undefined for kinds of the whole cluster, and for lists over all namespaces. */
  namespace: string | undefined
}

export interface Named extends Place {
  name: string
}

export function placeOf(target: Target): Place {
  const kind = kinds.find(row => row.plural === target.resource && row.group === target.group)
  if (!kind) throw noSuchResource(target)
  return { kind, namespace: kind.namespaced ? target.namespace : undefined }
}

/** The one object that a request names. */
export function namedBy(target: Target): Named {
  const { kind, namespace } = placeOf(target)
  if (!target.name) throw badRequest(`resource name may not be empty: which of the ${resourceName(kind)}?`)
  return { kind, name: target.name, namespace: kind.namespaced ? (namespace ?? 'default') : undefined }
}

/** For verbs that write: refuses the kinds that are only observed. */
export function writable(place: Place): Place {
  if (place.kind.virtual) throw badRequest(`${resourceName(place.kind)} are observed: they cannot be written`)
  return place
}

/** The object with the namespace and name that the request gives it; refuses one that says otherwise. */
export function placeObject(target: Target, object: AnyObject): { place: Place; object: AnyObject } {
  const place = writable(placeOf(target))
  const namespace = place.kind.namespaced ? (target.namespace ?? object.metadata.namespace ?? 'default') : undefined
  const metadata = { ...object.metadata }
  if (target.name !== undefined && metadata.name !== undefined && metadata.name !== target.name) {
    const said = `the name of the object (${metadata.name}) does not match the name on the request (${target.name})`
    throw badRequest(said)
  }
  if (namespace !== undefined && metadata.namespace !== undefined && metadata.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  if (target.name !== undefined) metadata.name = target.name
  if (namespace === undefined) delete metadata.namespace
  else metadata.namespace = namespace
  return { place: { kind: place.kind, namespace }, object: { ...object, metadata } }
}
