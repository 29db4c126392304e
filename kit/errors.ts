/** Errors with a stable code, so that callers branch on codes and never on text. */

/** Kubernetes' own Status reasons where one fits (apimachinery `metav1.StatusReason`). */
export type ErrorCode =
  | 'BadRequest'
  | 'Invalid'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Unauthorized'
  | 'Forbidden'
  | 'Expired'
  | 'RequestEntityTooLarge'
  | 'TooManyRequests'
  | 'Timeout'
  | 'ServiceUnavailable'
  | 'InternalError'

/** One thing wrong at one place. `path` is a field path such as `spec.ports[0].port`; `line` counts from 1. */
export interface Problem {
  path: string
  message: string
  file?: string
  line?: number
}

/** A CodedError as it crosses a wire. */
export interface WireError {
  code: ErrorCode
  message: string
  problems?: Problem[]
}

export interface CodedErrorOptions {
  cause?: unknown
  problems?: Problem[]
}

/** `message` reads "cannot X: because Y". `problems` holds all that was found wrong, never only the first. */
export class CodedError extends Error {
  readonly code: ErrorCode
  readonly problems: Problem[]

  constructor(code: ErrorCode, message: string, options: CodedErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'CodedError'
    this.code = code
    this.problems = options.problems ?? []
  }
}

/** True when `error` is a CodedError with one of these codes. */
export function hasCode(error: unknown, ...codes: ErrorCode[]): error is CodedError {
  return error instanceof CodedError && codes.includes(error.code)
}

/** The human half of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
