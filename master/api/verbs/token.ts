/** token: a bearer token, in the name of a user or a service account. */
import { identityOfTarget } from '../identity-of-target.ts'
import { badRequest } from '../refusals.ts'
import type { Answer, RequestOf, Room } from '../room.ts'

/** Names of whom a token is for are short: it goes into the header of each request. */
const maxAudienceLength = 256

export async function runToken(room: Room, { target, ...request }: RequestOf<'token'>): Promise<Answer> {
  const { expirationSeconds, audience, pod } = request
  const identity = await identityOfTarget(room, target)
  if (identity.kind !== 'user' && identity.kind !== 'serviceAccount')
    throw badRequest(`a ${identity.kind} has certificates, not tokens`)
  if (pod && identity.kind !== 'serviceAccount') throw badRequest('only the token of a service account is for a pod')
  if (audience !== undefined && (audience === '' || audience.length > maxAudienceLength))
    throw badRequest(`cannot make a token: because its audience is not 1 to ${maxAudienceLength} characters`)
  return room.trust.mint(identity, {
    ...(expirationSeconds !== undefined && { expirationSeconds }),
    ...(audience !== undefined && { audience }),
    ...(pod && { pod }),
  })
}
