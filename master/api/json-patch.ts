/** JSON patch, RFC 6902: a list of operations on a document. The adapter of `rfc6902`. */
import { applyPatch, type Operation, Pointer } from 'rfc6902'
import { maxObjectBytes } from '../../contract/wire/limits.ts'
import { CodedError } from '../../kit/errors.ts'
import { sameJson } from '../store/same-json.ts'
import { isMap } from './merge-patch.ts'

const operations = ['add', 'remove', 'replace', 'move', 'copy', 'test']
/** As many as Kubernetes takes in one patch (apiserver `maxJSONPatchOperations`). */
const maxOperations = 10_000

/** All copies of one patch together, bytes of JSON: each may copy what the last one made, so that a few of them fill any memory. */
const maxCopiedBytes = maxObjectBytes

/**
 * A new document; rejects with `BadRequest` when the patch is none, with `Invalid` when it does not fit the document, with
 * `RequestEntityTooLarge` when it copies too much. The first operation that fails is the last that is tried (RFC 6902, 5).
 */
export function applyJsonPatch<T>(document: T, patch: unknown): T {
  const parsed = parsePatch(patch)
  const patched = structuredClone(document)
  let copiedBytes = 0
  for (const operation of parsed) {
    if (operation.op === 'test') demandEqual(patched, operation)
    else {
      if (operation.op === 'copy') copiedBytes += sizeAt(patched, operation.from)
      if (copiedBytes > maxCopiedBytes)
        throw tooLarge(`its copies are larger than ${maxCopiedBytes} bytes of JSON together`)
      const [failure] = applyPatch(patched, [operation])
      if (failure) throw cannotApply(failure.message, failure)
    }
  }
  return patched
}

/** The library would look for the shortest way from one to the other, which takes the product of two lists' lengths. */
function demandEqual(document: unknown, { path, value }: Operation & { op: 'test' }): void {
  // Neither value is told: those of a Secret are for nobody's log.
  if (!sameJson(valueAt(document, path), value)) throw cannotApply(`the test of ${path} failed`)
}

function sizeAt(document: unknown, path: string): number {
  return (JSON.stringify(valueAt(document, path)) ?? '').length
}

function valueAt(document: unknown, path: string): unknown {
  try {
    return Pointer.fromJSON(path).evaluate(document).value
  } catch (error) {
    throw cannotApply(`${path} is no JSON pointer`, error)
  }
}

function cannotApply(why: string, cause?: unknown): CodedError {
  return new CodedError('Invalid', `cannot apply the patch: because ${why}`, cause === undefined ? {} : { cause })
}

function tooLarge(why: string): CodedError {
  return new CodedError('RequestEntityTooLarge', `cannot apply the patch: because ${why}`)
}

function parsePatch(patch: unknown): Operation[] {
  if (!Array.isArray(patch) || !patch.every(isOperation))
    throw new CodedError('BadRequest', 'cannot read the patch: because it is no list of operations with op and path')
  if (patch.length > maxOperations) throw tooLarge(`it has over ${maxOperations} operations`)
  return patch
}

function isOperation(value: unknown): value is Operation {
  return (
    isMap(value) &&
    typeof value['op'] === 'string' &&
    operations.includes(value['op']) &&
    typeof value['path'] === 'string' &&
    (value['op'] !== 'copy' || typeof value['from'] === 'string')
  )
}
