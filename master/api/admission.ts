/** What happens to an object between the client and the store: size, shape, defaults, rules, namespace, addresses. */
import { readObject } from '../../contract/resources/admit.ts'
import type { Namespace } from '../../contract/resources/core.ts'
import type { Kind } from '../../contract/resources/kinds.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { Service } from '../../contract/resources/service.ts'
import { validateUpdate } from '../../contract/resources/validate-update.ts'
import { sameJson } from '../store/same-json.ts'
import { guardTrust, stampUser } from './admit-trust.ts'
import { allocateService, dropTypeFields } from './allocate-service.ts'
import { isMap } from './merge-patch.ts'
import { badRequest, forbidden, invalid, knownKind, notFound } from './refusals.ts'
import type { Room } from './room.ts'
import type { Reservation } from './service-addresses.ts'

export interface Admitted {
  object: AnyObject
  warnings: string[]
  /** Keep it after the commit, release it when there is none. */
  reservation?: Reservation
}

export interface NewObject {
  kind: Kind
  object: AnyObject
  /** Namespaces that count as made, in a dry run. */
  pendingNamespaces?: readonly string[] | undefined
}

/** Rejects with all that is wrong at once. */
export async function admitCreate(room: Room, { kind, object, pendingNamespaces = [] }: NewObject): Promise<Admitted> {
  if (object.metadata?.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created')
  const { object: checked, warnings } = checkObject(kind, newborn(kind, object))
  guardTrust(room.permit, { kind, object: checked, current: undefined })
  await checkNamespace(room, kind, { object: checked, pendingNamespaces })
  const stamped = kind.kind === 'User' ? stampUser(checked, room.clock) : checked
  return allocate(room, { object: stamped, warnings }, undefined)
}

export interface ChangedObject {
  kind: Kind
  current: AnyObject
  wanted: AnyObject
}

export async function admitUpdate(room: Room, { kind, current, wanted }: ChangedObject): Promise<Admitted> {
  const { object, warnings } = checkChange(
    kind,
    current,
    isService(wanted) ? dropTypeFields(wanted, as(current)) : wanted,
  )
  const problems = validateUpdate(object, current)
  if (problems.length > 0) throw invalid(kind, nameOf(object), problems)
  guardTrust(room.permit, { kind, object, current })
  return allocate(room, { object, warnings }, current)
}

/** Who changes the spec has no part in the status: whatever a node has reported must not stand in the way. */
function checkChange(kind: Kind, current: AnyObject, wanted: AnyObject): Admitted {
  const { status, ...rest } = wanted
  if (!sameJson(status, current.status)) return checkObject(kind, wanted)
  const { object, warnings } = checkObject(kind, rest)
  return { object: status === undefined ? object : { ...object, status }, warnings }
}

function checkObject(kind: Kind, object: AnyObject): { object: AnyObject; warnings: string[] } {
  checkEnvelope(kind, object)
  const { problems, warnings, object: read } = readObject(object)
  if (problems.length > 0) throw invalid(kind, nameOf(object), problems)
  return { object: read, warnings }
}

function checkEnvelope(kind: Kind, object: AnyObject): void {
  const { apiVersion } = object
  const expected = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
  if (!isMap(object.metadata)) throw badRequest('the object has no metadata')
  if (object.kind !== kind.kind || apiVersion !== expected)
    throw badRequest(`${apiVersion} ${object.kind} is not a ${kind.kind} of ${expected}, which the request names`)
}

/** What no client says about a new object, and the status that Kubernetes answers first. */
function newborn(kind: Kind, object: AnyObject): AnyObject {
  const { status: _status, ...rest } = object
  const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, ...metadata } =
    object.metadata
  const status = firstStatus[kind.kind]
  const born = { ...rest, metadata, ...(status && { status: { ...status } }) }
  return kind.kind === 'Namespace' ? { ...born, spec: { finalizers: ['kubernetes'] } } : born
}

const firstStatus: Record<string, Record<string, unknown>> = {
  Pod: { phase: 'Pending' },
  Service: { loadBalancer: {} },
  Namespace: { phase: 'Active' },
  Deployment: {},
  ReplicaSet: { replicas: 0 },
}

async function checkNamespace(
  room: Room,
  kind: Kind,
  { object, pendingNamespaces }: { object: AnyObject; pendingNamespaces: readonly string[] },
): Promise<void> {
  if (!kind.namespaced) return
  const { namespace = 'default', name } = object.metadata
  const namespaceKind = knownKind('v1', 'Namespace')
  const found = await room.objects.get<Namespace>(namespaceKind, undefined, namespace)
  if (!found) {
    if (pendingNamespaces.includes(namespace)) return
    throw notFound(namespaceKind, namespace)
  }
  if (found.metadata.deletionTimestamp === undefined) return
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`
  throw forbidden(kind, name, why)
}

async function allocate(room: Room, admitted: Admitted, current: AnyObject | undefined): Promise<Admitted> {
  const { object } = admitted
  if (!isService(object)) return admitted
  const before = current === undefined ? undefined : as(current)
  const { service, reservation } = await allocateService(room.addresses, object, before)
  return { ...admitted, object: as(service), reservation }
}

function isService(object: AnyObject): object is AnyObject & Service {
  return object.kind === 'Service' && object.apiVersion === 'v1'
}

/** Stored objects have the shape of their kind. */
function as(object: AnyObject | Service): AnyObject & Service {
  return object as AnyObject & Service
}

function nameOf({ metadata }: AnyObject): string {
  return metadata.name ?? metadata.generateName ?? ''
}
