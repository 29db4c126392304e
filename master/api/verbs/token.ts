/** token: a bearer token, in the name of a user or a service account. */
import { identityOfTarget } from '../identity-of-target.ts'
import { badRequest } from '../refusals.ts'
import type { Answer, RequestOf, Room } from '../room.ts'

export async function runToken(room: Room, { target, expirationSeconds, pod }: RequestOf<'token'>): Promise<Answer> {
  const identity = await identityOfTarget(room, target)
  if (identity.kind !== 'user' && identity.kind !== 'serviceAccount')
    throw badRequest(`a ${identity.kind} has certificates, not tokens`)
  if (pod && identity.kind !== 'serviceAccount') throw badRequest('only the token of a service account is for a pod')
  return room.trust.mint(identity, {
    ...(expirationSeconds !== undefined && { expirationSeconds }),
    ...(pod && { pod }),
  })
}
