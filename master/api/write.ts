/** The one way into the store for what clients write: admit, allocate, commit, and start again when others were faster. */
import type { Kind } from '../../contract/resources/kinds.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { Outcome } from '../../contract/wire/api.ts'
import { hasCode } from '../../kit/errors.ts'
import { deleteObject } from '../store/delete-object.ts'
import { sameJson } from '../store/same-json.ts'
import { type Admitted, admitCreate, admitUpdate } from './admission.ts'
import { alreadyExists, changedMeanwhile, notFound, wrongUid } from './refusals.ts'
import type { Room } from './room.ts'
import { type Named, writable } from './target.ts'
import { readObject } from './verbs/get.ts'

export interface WriteOptions {
  dryRun: boolean
  /** For a dry run: namespaces that the same manifest would have made before. */
  pendingNamespaces?: readonly string[]
}

export interface ChangeOptions extends WriteOptions {
  /** Gets a copy of what is stored, returns what it is to be. May be called several times. */
  change: (current: AnyObject) => AnyObject
  /** The status is written, and nothing else. */
  status?: boolean
}

export interface Changed {
  object: AnyObject
  warnings: string[]
  outcome: Outcome
}

/** How often a write starts again when the object was changed in between. */
const maxConflicts = 8

export async function createObject(
  room: Room,
  { kind, object }: { kind: Kind; object: AnyObject },
  options: WriteOptions,
): Promise<Changed> {
  const { dryRun, pendingNamespaces } = options
  const admitted = await admitCreate(room, { kind, object, pendingNamespaces })
  const { warnings } = admitted
  const { namespace, name } = admitted.object.metadata
  try {
    if (dryRun) {
      if (name && (await room.objects.get(kind, namespace, name))) throw alreadyExists(kind, name)
      admitted.reservation?.release()
      return { object: admitted.object, warnings, outcome: 'created' }
    }
    const created = await room.objects.create(admitted.object)
    settle(admitted, created)
    return { object: created, warnings, outcome: 'created' }
  } catch (error) {
    admitted.reservation?.release()
    throw hasCode(error, 'AlreadyExists') ? alreadyExists(kind, name, error) : error
  }
}

/**
 * Reads, changes, admits, writes. The `resourceVersion` and `uid` of what `change` returns must be those of the stored
 * object: a client that sends an old version is refused, one that sends none means whatever is stored.
 */
export async function changeObject(room: Room, named: Named, options: ChangeOptions): Promise<Changed> {
  writable(named)
  for (let attempt = 1; ; attempt++) {
    const current = await readObject(room, named)
    const wanted = options.change(structuredClone(current))
    checkPreconditions(named, wanted, current)
    const admitted = await admitUpdate(room, { kind: named.kind, current, wanted: keepApart(wanted, current, options) })
    try {
      return await commitChange(room, { current, admitted }, options)
    } catch (error) {
      admitted.reservation?.release()
      if (hasCode(error, 'NotFound')) throw notFound(named.kind, named.name)
      if (!hasCode(error, 'Conflict')) throw error
      if (attempt >= maxConflicts) throw changedMeanwhile(named.kind, named.name, error)
    }
  }
}

async function commitChange(
  room: Room,
  { current, admitted }: { current: AnyObject; admitted: Admitted },
  options: WriteOptions,
): Promise<Changed> {
  const { object, warnings } = admitted
  const same = sameJson(object, current)
  if (options.dryRun || same) {
    admitted.reservation?.release()
    return { object, warnings, outcome: same ? 'unchanged' : 'configured' }
  }
  const stored = await room.objects.replace(object)
  settle(admitted, stored)
  return { object: await removeIfDone(room, stored), warnings, outcome: 'configured' }
}

function settle(admitted: Admitted, stored: AnyObject): void {
  admitted.reservation?.keep(Number(stored.metadata.resourceVersion))
}

/** Whoever takes away the last finalizer of an object that is being deleted finishes the deletion. */
async function removeIfDone(room: Room, object: AnyObject): Promise<AnyObject> {
  const { deletionTimestamp, finalizers = [] } = object.metadata
  if (deletionTimestamp === undefined || finalizers.length > 0) return object
  await deleteObject(room.objects, object, { nowMs: room.clock.now() })
  return object
}

function checkPreconditions({ kind, name }: Named, wanted: AnyObject, current: AnyObject): void {
  const { resourceVersion, uid } = wanted.metadata
  const found = current.metadata.uid
  if (uid !== undefined && uid !== found) throw wrongUid(kind, name, { expected: uid, found })
  if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) throw changedMeanwhile(kind, name)
}

/** Spec writes never change the status, nor status writes the spec; who lives since when, and dies, no client decides. */
function keepApart(wanted: AnyObject, current: AnyObject, { status }: ChangeOptions): AnyObject {
  const { uid, resourceVersion, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds } =
    current.metadata
  const own = { uid, resourceVersion, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds }
  const from = status ? { ...current, status: wanted.status } : { ...wanted, status: current.status }
  const metadata = { ...from.metadata, ...own }
  return dropUndefined({ ...from, metadata: dropUndefined(metadata) }) as AnyObject
}

function dropUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined))
}
