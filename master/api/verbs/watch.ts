/** watch: what there is (unless the reader says from where), then every change. */
import { nameSelected } from '../attributes.ts'
import { createMatcher } from '../matcher.ts'
import { badRequest } from '../refusals.ts'
import type { Answer, ApiContext, RequestOf, Room } from '../room.ts'
import { placeOf } from '../target.ts'
import { watchFrames } from '../watch-frames.ts'

export async function runWatch(room: Room, request: RequestOf<'watch'>, context: ApiContext): Promise<Answer> {
  const place = placeOf(request.target)
  if (place.kind.virtual) throw badRequest(`${place.kind.plural} cannot be watched: get them again instead`)
  const { store, clock } = room
  const fromRevision = readRevision(request.resourceVersion)
  // What was before may no longer be matched with the selector; it is the name that was asked for at the door.
  const name = request.target.name ?? nameSelected(request.fieldSelector)
  const matches = createMatcher(request)
  return { frames: watchFrames({ store, clock, place, name, matches, fromRevision, signal: context.signal }) }
}

/** Undefined for "from now, with what there is first". */
function readRevision(text: string | undefined): number | undefined {
  if (text === undefined || text === '' || text === '0') return undefined
  if (!/^[1-9]\d{0,15}$/.test(text)) throw badRequest(`invalid resource version ${JSON.stringify(text)}`)
  return Number(text)
}
