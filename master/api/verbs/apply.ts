/** apply: creates what a manifest describes, or merges it with what is there. */
import type { AnyObject } from '../../../contract/resources/meta.ts'
import { hasCode } from '../../../kit/errors.ts'
import { attributesAt } from '../attributes.ts'
import { readLastApplied, withLastApplied } from '../last-applied.ts'
import { badRequest } from '../refusals.ts'
import type { Answer, RequestOf, Room } from '../room.ts'
import { type Named, placeObject } from '../target.ts'
import { mergeThreeWays } from '../three-way-merge.ts'
import { type Changed, changeObject, createObject, type WriteOptions } from '../write.ts'

/** How often to look again when the object comes or goes meanwhile. */
const maxTurns = 4

export async function runApply(room: Room, request: RequestOf<'apply'>): Promise<Answer> {
  const { place, object } = placeObject(request.target, request.object)
  const { name } = object.metadata
  if (!name) throw badRequest('cannot apply an object without a name: generateName works with create only')
  const { pendingNamespaces = [], dryRun = false } = request
  const options: WriteOptions = { dryRun, pendingNamespaces }
  const { manifest, warnings } = withLastApplied(object)
  const named: Named = { ...place, name }
  for (let turn = 1; ; turn++) {
    const found = await room.objects.get<AnyObject>(named.kind, named.namespace, name)
    try {
      if (!found) {
        room.permit.demand(attributesAt('create', place))
        return addWarnings(warnings, await createObject(room, { kind: named.kind, object: manifest }, options))
      }
      const change = (live: AnyObject): AnyObject => mergeManifest(live, manifest)
      const told = [...deletionWarnings(found), ...warnings]
      return addWarnings(told, await changeObject(room, named, { ...options, change }))
    } catch (error) {
      // Someone created or deleted it between looking and writing.
      const raced = found ? hasCode(error, 'NotFound') : hasCode(error, 'AlreadyExists')
      if (!raced || turn >= maxTurns) throw error
    }
  }
}

function mergeManifest(live: AnyObject, manifest: AnyObject): AnyObject {
  return mergeThreeWays<AnyObject>({ last: readLastApplied(live), live, wanted: manifest })
}

function deletionWarnings({ metadata }: AnyObject): string[] {
  if (metadata.deletionTimestamp === undefined) return []
  return [`Detected changes to resource ${metadata.name} which is currently being deleted.`]
}

function addWarnings(warnings: string[], changed: Changed): Changed {
  return { ...changed, warnings: [...warnings, ...changed.warnings] }
}
