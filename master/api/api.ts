/** The API: one table of verbs, which knows nothing of how requests arrive. */
import type { ApiRequest } from '../../contract/wire/api.ts'
import { readAttributes } from './attributes.ts'
import { audited } from './audit.ts'
import { Authorizer } from './authorize.ts'
import { demandAll } from './demands.ts'
import { guardFrames } from './guard-frames.ts'
import { badRequest } from './refusals.ts'
import type { Answer, ApiContext, ApiParts, RequestOf, Room, Verb } from './room.ts'
import { ServiceAddresses } from './service-addresses.ts'
import { runApply } from './verbs/apply.ts'
import { runCounters } from './verbs/counters.ts'
import { runCreate } from './verbs/create.ts'
import { runDelete } from './verbs/delete.ts'
import { runExec } from './verbs/exec.ts'
import { runGet } from './verbs/get.ts'
import { runInvite } from './verbs/invite.ts'
import { runList } from './verbs/list.ts'
import { runLogs } from './verbs/logs.ts'
import { runPatch } from './verbs/patch.ts'
import { runReview } from './verbs/review.ts'
import { runRotate } from './verbs/rotate.ts'
import { runRules } from './verbs/rules.ts'
import { runSign } from './verbs/sign.ts'
import { runToken } from './verbs/token.ts'
import { runUpdate } from './verbs/update.ts'
import { runVersion } from './verbs/version.ts'
import { runWatch } from './verbs/watch.ts'

export interface Api {
  /** Rejects with a CodedError. */
  handle(request: ApiRequest, context: ApiContext): Promise<Answer>
}

type Handlers = { [V in Verb]: (room: Room, request: RequestOf<V>, context: ApiContext) => Promise<Answer> }

const handlers: Handlers = {
  get: runGet,
  list: runList,
  watch: runWatch,
  create: runCreate,
  update: runUpdate,
  patch: runPatch,
  apply: runApply,
  delete: runDelete,
  logs: runLogs,
  exec: runExec,
  version: runVersion,
  sign: runSign,
  token: runToken,
  review: runReview,
  rules: runRules,
  rotate: runRotate,
  counters: runCounters,
  invite: runInvite,
}

export function createApi(parts: ApiParts): Api {
  const addresses = new ServiceAddresses(parts)
  const authorizer = new Authorizer(parts)
  return {
    async handle(request, context) {
      if (!Object.hasOwn(handlers, request.verb)) throw badRequest(`unknown verb ${JSON.stringify(request.verb)}`)
      const attributes = readAttributes(request)
      return audited(parts, { request, context, attributes }, async () => {
        const permit = await authorizer.permitFor(context.identity)
        demandAll(permit, attributes, request)
        const answer = await run({ ...parts, addresses, permit }, request, context)
        return 'frames' in answer ? { frames: guardFrames(answer.frames, { authorizer, context, attributes }) } : answer
      })
    },
  }
}

function run(room: Room, request: ApiRequest, context: ApiContext): Promise<Answer> {
  // The table pairs each verb with its request; the compiler cannot follow the pair through an index.
  const handler = handlers[request.verb] as (room: Room, request: ApiRequest, context: ApiContext) => Promise<Answer>
  return handler(room, request, context)
}
