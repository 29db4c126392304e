/** update: replaces all but the status, or the status and nothing else. */
import type { AnyObject } from '../../../contract/resources/meta.ts'
import { badRequest } from '../refusals.ts'
import type { Answer, RequestOf, Room } from '../room.ts'
import { namedBy, placeObject } from '../target.ts'
import { changeObject } from '../write.ts'

export async function runUpdate(room: Room, request: RequestOf<'update'>): Promise<Answer> {
  const { target, subresource, dryRun = false } = request
  if (subresource !== undefined && subresource !== 'status')
    throw badRequest(`the server could not find the requested subresource ${JSON.stringify(subresource)}`)
  const { object } = placeObject(target, request.object)
  const named = namedBy({ ...target, name: object.metadata.name })
  const change = subresource === 'status' ? withStatusOf(object) : (): AnyObject => object
  const changed = await changeObject(room, named, { change, dryRun, status: subresource === 'status' })
  return { object: changed.object, warnings: changed.warnings, outcome: changed.outcome }
}

/** The version and the uid that the writer saw still count. */
function withStatusOf(object: AnyObject): (current: AnyObject) => AnyObject {
  const { resourceVersion, uid } = object.metadata
  const seen = { ...(resourceVersion && { resourceVersion }), ...(uid && { uid }) }
  return current => {
    const { status: _old, ...rest } = current
    const status = object.status === undefined ? {} : { status: object.status }
    return { ...rest, metadata: { ...current.metadata, ...seen }, ...status }
  }
}
