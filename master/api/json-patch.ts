/** JSON patch, RFC 6902: a list of operations on a document. The adapter of `rfc6902`. */
import { applyPatch, type Operation } from 'rfc6902'
import { CodedError } from '../../kit/errors.ts'
import { isMap } from './merge-patch.ts'

const operations = ['add', 'remove', 'replace', 'move', 'copy', 'test']
/** As many as Kubernetes takes in one patch (apiserver `maxJSONPatchOperations`). */
const maxOperations = 10_000

/** A new document; rejects with `BadRequest` when the patch is none, with `Invalid` when it does not fit the document. */
export function applyJsonPatch<T>(document: T, patch: unknown): T {
  const parsed = parsePatch(patch)
  const patched = structuredClone(document)
  const failures = applyPatch(patched, parsed)
  const index = failures.findIndex(error => error !== null)
  if (index >= 0) throw cannotApply(parsed[index], failures[index])
  return patched
}

function cannotApply(operation: Operation | undefined, failure: Error | null | undefined): CodedError {
  // Of a test that fails the library tells both values, and those of a Secret are for nobody's log.
  const isTest = operation?.op === 'test'
  const why = isTest ? `the test of ${operation.path} failed` : (failure?.message ?? '')
  return new CodedError('Invalid', `cannot apply the patch: because ${why}`, isTest ? {} : { cause: failure })
}

function parsePatch(patch: unknown): Operation[] {
  if (!Array.isArray(patch) || !patch.every(isOperation))
    throw new CodedError('BadRequest', 'cannot read the patch: because it is no list of operations with op and path')
  if (patch.length > maxOperations)
    throw new CodedError(
      'RequestEntityTooLarge',
      `cannot apply the patch: because it has over ${maxOperations} operations`,
    )
  return patch
}

function isOperation(value: unknown): value is Operation {
  return (
    isMap(value) &&
    typeof value['op'] === 'string' &&
    operations.includes(value['op']) &&
    typeof value['path'] === 'string'
  )
}
