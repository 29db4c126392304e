/** patch: changes what the patch names and leaves the rest; starts again when someone else was faster. */
import type { AnyObject } from '../../../contract/resources/meta.ts'
import { applyJsonPatch } from '../json-patch.ts'
import { applyMergePatch, isMap } from '../merge-patch.ts'
import { badRequest } from '../refusals.ts'
import type { Answer, RequestOf, Room } from '../room.ts'
import { namedBy } from '../target.ts'
import { changeObject } from '../write.ts'

export async function runPatch(room: Room, request: RequestOf<'patch'>): Promise<Answer> {
  const named = namedBy(request.target)
  const change = (current: AnyObject): AnyObject => patchObject(current, request)
  const changed = await changeObject(room, named, { change, dryRun: request.dryRun ?? false })
  return { object: changed.object, warnings: changed.warnings, outcome: changed.outcome }
}

function patchObject(current: AnyObject, { patch, patchType }: RequestOf<'patch'>): AnyObject {
  if (patchType === 'json') return checkIdentity(current, applyJsonPatch(current, patch))
  if (patchType !== 'merge') throw badRequest(`unknown patch type ${JSON.stringify(patchType)}: merge or json`)
  if (!isMap(patch)) throw badRequest('cannot read the patch: because it is no object')
  return checkIdentity(current, applyMergePatch(current, patch))
}

/** Which object it is, no patch may change. */
function checkIdentity(current: AnyObject, patched: unknown): AnyObject {
  const same =
    isMap(patched) &&
    isMap(patched['metadata']) &&
    patched['apiVersion'] === current.apiVersion &&
    patched['kind'] === current.kind &&
    patched['metadata']['name'] === current.metadata.name &&
    patched['metadata']['namespace'] === current.metadata.namespace
  if (!same) throw badRequest('a patch may not change apiVersion, kind, metadata.name or metadata.namespace')
  return patched as unknown as AnyObject
}
