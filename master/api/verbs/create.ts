/** create: a new object, with a name of its own or one generated after `generateName`. */
import type { Answer, RequestOf, Room } from '../room.ts'
import { placeObject } from '../target.ts'
import { createObject } from '../write.ts'

export async function runCreate(room: Room, request: RequestOf<'create'>): Promise<Answer> {
  const { place, object } = placeObject(request.target, request.object)
  const { object: created, warnings } = await createObject(
    room,
    { kind: place.kind, object },
    {
      dryRun: request.dryRun ?? false,
    },
  )
  return { object: created, warnings, outcome: 'created' }
}
