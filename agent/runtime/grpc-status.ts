/** gRPC's status codes (grpc `statuscodes.md`) in our own error codes. */
import type { IncomingHttpHeaders } from 'node:http2'
import { CodedError, type ErrorCode } from '../../kit/errors.ts'

const codes: Record<number, ErrorCode> = {
  1: 'ServiceUnavailable', // CANCELLED, which containerd answers while it shuts down
  3: 'BadRequest', // INVALID_ARGUMENT
  4: 'Timeout', // DEADLINE_EXCEEDED
  5: 'NotFound',
  6: 'AlreadyExists',
  7: 'Forbidden', // PERMISSION_DENIED
  8: 'TooManyRequests', // RESOURCE_EXHAUSTED
  9: 'Conflict', // FAILED_PRECONDITION
  10: 'Conflict', // ABORTED
  14: 'ServiceUnavailable', // UNAVAILABLE
  16: 'Unauthorized', // UNAUTHENTICATED
}

/** Undefined when the status is OK. */
export function statusError(path: string, headers: IncomingHttpHeaders): CodedError | undefined {
  const status = Number(headers['grpc-status'])
  if (status === 0) return undefined
  const message = decodeMessage(String(headers['grpc-message'] ?? `status ${status}`))
  return new CodedError(codes[status] ?? 'InternalError', `cannot call ${path}: because ${message}`)
}

/** `grpc-message` is percent-encoded; what is not is taken as it stands, as the specification asks. */
function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a stray percent sign: the raw text says more than an error about it
  }
}
