/** CodedErrors as JSON and back, so that the asking side throws what the answering side threw. */
import { CodedError, type ErrorCode, messageOf, type Problem, type WireError } from '../errors.ts'

/** A record, so that the compiler tells when a code is missing. */
const codes: Record<ErrorCode, true> = {
  BadRequest: true,
  Invalid: true,
  NotFound: true,
  AlreadyExists: true,
  Conflict: true,
  Unauthorized: true,
  Forbidden: true,
  Expired: true,
  RequestEntityTooLarge: true,
  TooManyRequests: true,
  Timeout: true,
  ServiceUnavailable: true,
  InternalError: true,
}

const maxProblems = 100

export function errorToWire(error: unknown): WireError {
  if (!(error instanceof CodedError)) return { code: 'InternalError', message: messageOf(error) }
  const problems = error.problems.slice(0, maxProblems)
  return { code: error.code, message: error.message, ...(problems.length > 0 && { problems }) }
}

/** Never throws: what is not a wire error becomes an `InternalError` that says so. */
export function errorFromWire(value: unknown): CodedError {
  const { code, message, problems } = (typeof value === 'object' && value !== null ? value : {}) as Partial<WireError>
  const known = typeof code === 'string' && Object.hasOwn(codes, code)
  return new CodedError(known ? code : 'InternalError', typeof message === 'string' ? message : 'unknown error', {
    problems: Array.isArray(problems) ? problems.filter(isProblem).slice(0, maxProblems) : [],
  })
}

/** Any error as a CodedError; one that has no code is an `InternalError` with that cause. */
export function toCodedError(error: unknown): CodedError {
  return error instanceof CodedError ? error : new CodedError('InternalError', messageOf(error), { cause: error })
}

function isProblem(value: unknown): value is Problem {
  const { path, message } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Problem>
  return typeof path === 'string' && typeof message === 'string'
}
