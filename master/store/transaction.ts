/** Decides what a commit does: checks what it expects against what is there, for every engine alike. Pure. */
import { CodedError } from '../../kit/errors.ts'
import type { Entry, Operation, StoreEvent } from './store.ts'

/** An operation with its value as JSON text, taken when the commit was called: later changes by the caller do not matter. */
export type Step = Operation & { text?: string }

/** A transaction touches at most this many keys. */
const maxOperations = 1000
/** One value, bytes of JSON: above what the API lets in, so that metadata that the master adds still fits. */
const maxValueBytes = 1536 * 1024

/** Rejects what no state of the store could accept. */
export function prepareSteps(operations: Operation[]): Step[] {
  if (operations.length > maxOperations) {
    const why = `${operations.length} operations are more than ${maxOperations}`
    throw new CodedError('RequestEntityTooLarge', `cannot commit: because ${why}`)
  }
  const keys = new Set<string>()
  return operations.map(operation => {
    const { key } = operation
    if (key === '') throw new CodedError('BadRequest', 'cannot commit: because a key is empty')
    if (keys.has(key)) throw new CodedError('BadRequest', `cannot commit ${key}: because the commit names it twice`)
    keys.add(key)
    return operation.type === 'put' ? { ...operation, text: encode(key, operation.value) } : operation
  })
}

/** What the steps change, as events of `revision`; throws `Conflict` when something expected does not hold. */
export function planCommit(
  steps: Step[],
  revision: number,
  find: (key: string) => Omit<Entry, 'key'> | undefined,
): StoreEvent[] {
  const events: StoreEvent[] = []
  for (const step of steps) {
    const current = find(step.key)
    checkExpected(step, current?.revision ?? 0)
    if (step.type === 'put') {
      const value: unknown = JSON.parse(step.text ?? '')
      events.push({ type: 'put', key: step.key, revision, value, ...(current && { previous: current.value }) })
    } else if (step.type === 'delete' && current) {
      events.push({ type: 'delete', key: step.key, revision, previous: current.value })
    }
  }
  return events
}

function checkExpected({ key, expected }: Step, actual: number): void {
  if (expected === undefined || expected === actual) return
  const why =
    actual === 0 ? 'it does not exist' : expected === 0 ? 'it exists already' : `it is at ${actual}, not at ${expected}`
  throw new CodedError('Conflict', `cannot commit ${key}: because ${why}`)
}

function encode(key: string, value: object): string {
  const text = JSON.stringify(value)
  const bytes = Buffer.byteLength(text)
  if (bytes <= maxValueBytes) return text
  const why = `it has ${bytes} bytes of JSON, more than ${maxValueBytes}`
  throw new CodedError('RequestEntityTooLarge', `cannot commit ${key}: because ${why}`)
}
