/** Images on the board and how they come to it, with the reasons of a failed pull sorted out. */
import { CodedError, type ErrorCode, hasCode, messageOf } from '../../kit/errors.ts'
import { cri, queryDeadlineMs } from './cri.ts'
import type { GrpcClient } from './grpc.ts'
import type { ImageStatus, PullOptions } from './runtime.ts'

export async function readImageStatus(client: GrpcClient, image: string): Promise<ImageStatus | undefined> {
  const request = { image: { image } }
  const { image: found } = await client.call(cri.imageStatus, request, { deadlineMs: queryDeadlineMs })
  if (!found) return undefined
  // CRI leaves both out when the image names nobody, and then it is root.
  return { id: found.id, sizeBytes: Number(found.size), user: found.username || Number(found.uid?.value ?? 0n) }
}

export async function pullImage(
  client: GrpcClient,
  image: string,
  { deadlineMs, signal, credentials }: PullOptions & { deadlineMs: number },
): Promise<string> {
  try {
    const request = { image: { image }, auth: credentials }
    const { imageRef } = await client.call(cri.pullImage, request, { deadlineMs, signal })
    return imageRef
  } catch (error) {
    if (signal?.aborted) throw error
    const reason = messageOf(error).replace(/^cannot call \S+: because /, '')
    throw new CodedError(pullErrorCode(error), `cannot pull ${image}: because ${reason}`, { cause: error })
  }
}

/**
 * containerd gives most failures of a registry the gRPC status UNKNOWN, so here, where its answers enter, its words
 * must serve (containerd `remotes/docker/resolver.go`, `authorizer.go`); everyone else branches on our codes.
 */
const wordings: Array<[RegExp, ErrorCode]> = [
  [/authorization failed|unauthorized|401 Unauthorized|403 Forbidden|insufficient_scope/i, 'Unauthorized'],
  [/not found|404|no match for platform/i, 'NotFound'],
  [/invalid reference|failed to parse|must be lowercase/i, 'BadRequest'],
  [/deadline exceeded|timeout|timed out/i, 'Timeout'],
]

function pullErrorCode(error: unknown): ErrorCode {
  if (hasCode(error, 'NotFound', 'Unauthorized', 'Timeout', 'BadRequest', 'ServiceUnavailable')) return error.code
  const text = messageOf(error)
  // What is left is a registry that cannot be reached or that failed: worth another try.
  return wordings.find(([pattern]) => pattern.test(text))?.[1] ?? 'ServiceUnavailable'
}
