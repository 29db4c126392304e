/** How a failure is told on the terminal: all that is wrong, each with its place. */
import { CodedError, type ErrorCode, messageOf } from '../kit/errors.ts'

/** What only the API says. The others come from this side of the wire as well. */
const answers: ReadonlySet<ErrorCode> = new Set([
  'NotFound',
  'AlreadyExists',
  'Conflict',
  'Invalid',
  'Forbidden',
  'Unauthorized',
  'Expired',
  'RequestEntityTooLarge',
  'TooManyRequests',
])

/** As kubectl says it: `Error from server (NotFound): pods "x" not found`. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof CodedError)) return `error: ${messageOf(error)}`
  if (!answers.has(error.code)) return `error: ${error.message}`
  return `Error from server (${error.code}): ${error.message}`
}
