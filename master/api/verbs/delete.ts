/** delete: marks an object, or removes it at once when nothing has to be waited for. */
import type { AnyObject } from '../../../contract/resources/meta.ts'
import { deleteObject } from '../../store/delete-object.ts'
import { badRequest, forbidden, wrongUid } from '../refusals.ts'
import type { Answer, RequestOf, Room } from '../room.ts'
import { namedBy, writable } from '../target.ts'
import { readObject } from './get.ts'

export async function runDelete(room: Room, request: RequestOf<'delete'>): Promise<Answer> {
  const named = namedBy(request.target)
  const { kind, name } = named
  const { gracePeriodSeconds, uid } = request
  writable(named)
  if (kind.kind === 'Namespace' && name === 'default') throw forbidden(kind, name, 'this namespace may not be deleted')
  if (gracePeriodSeconds !== undefined && !(Number.isInteger(gracePeriodSeconds) && gracePeriodSeconds >= 0))
    throw badRequest(`gracePeriodSeconds must be a whole number: ${JSON.stringify(gracePeriodSeconds)}`)
  const current = await readObject(room, named)
  const found = current.metadata.uid
  if (uid !== undefined && uid !== found) throw wrongUid(kind, name, { expected: uid, found })
  if (request.dryRun) return { object: current, outcome: 'deleted' }
  const nowMs = room.clock.now()
  const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }
  const { outcome, object } = await deleteObject(room.objects, current, { ...grace, nowMs })
  return { object: object as AnyObject, outcome }
}
