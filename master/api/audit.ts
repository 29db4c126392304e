/** What the audit log is told of a request: the words of RBAC, and how it ended. */
import type { ApiRequest, ReviewAttributes } from '../../contract/wire/api.ts'
import { usernameOf } from '../../contract/wire/identity.ts'
import { CodedError } from '../../kit/errors.ts'
import type { AuditEntry } from '../audit/audit-entry.ts'
import type { Answer, ApiContext, ApiParts } from './room.ts'

export interface Asked {
  request: ApiRequest
  context: ApiContext
  /** Undefined when the request could not be read so far, or is open to all. */
  attributes: ReviewAttributes | undefined
}

/** Runs a request, and records it whichever way it ends. */
export async function audited(
  { audit, clock }: Pick<ApiParts, 'audit' | 'clock'>,
  asked: Asked,
  run: () => Promise<Answer>,
): Promise<Answer> {
  if (!audit) return run()
  const begun = entryOf(asked, new Date(clock.now()).toISOString())
  try {
    const answer = await run()
    audit.record({ ...begun, ...nameGiven(asked, answer), code: 'OK' })
    return answer
  } catch (error) {
    audit.record({ ...begun, code: error instanceof CodedError ? error.code : 'InternalError' })
    throw error
  }
}

function entryOf({ request, context, attributes }: Asked, time: string): Omit<AuditEntry, 'code'> {
  const { identity, client, requestId } = context
  const as = 'as' in request ? request.as : undefined
  return {
    time,
    user: usernameOf(identity),
    ...(as !== undefined && { as: as.slice(0, maxNameLength) }),
    ...(attributes ?? { verb: request.verb }),
    ...('dryRun' in request && request.dryRun && { dryRun: true }),
    ...(client !== undefined && { client }),
    ...(requestId !== undefined && { request: requestId }),
  }
}

/** Longest name that anything has. */
const maxNameLength = 253

/** The name of a new object stands in the object, or was generated. */
function nameGiven({ request }: Asked, answer: Answer): { name?: string } {
  return request.verb === 'create' && 'object' in answer ? { name: answer.object.metadata.name } : {}
}
