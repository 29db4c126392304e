/** get: one object by name. */
import type { AnyObject } from '../../../contract/resources/meta.ts'
import { notFound } from '../refusals.ts'
import type { Answer, RequestOf, Room } from '../room.ts'
import { type Named, namedBy } from '../target.ts'

export async function runGet(room: Room, request: RequestOf<'get'>): Promise<Answer> {
  return { object: await readObject(room, namedBy(request.target)) }
}

/** Rejects with `NotFound`. */
export async function readObject(room: Pick<Room, 'objects' | 'nodeUsage'>, named: Named): Promise<AnyObject> {
  const { kind, namespace, name } = named
  const found = kind.virtual ? room.nodeUsage.get(name) : await room.objects.get(kind, namespace, name)
  if (!found) throw notFound(kind, name)
  return found as AnyObject
}
