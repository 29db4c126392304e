/** sign: a certificate, in the name of a user, a tool or a node. */
import { identityOfTarget } from '../identity-of-target.ts'
import { badRequest } from '../refusals.ts'
import type { Answer, RequestOf, Room } from '../room.ts'

/** A CSR is about 500 bytes with an EC key. */
const maxCsrLength = 8192

export async function runSign(room: Room, { target, csr }: RequestOf<'sign'>): Promise<Answer> {
  if (csr !== undefined && csr.length > maxCsrLength)
    throw badRequest(`cannot sign: because the CSR is longer than ${maxCsrLength} characters`)
  const identity = await identityOfTarget(room, target)
  if (identity.kind === 'serviceAccount') throw badRequest('service accounts have tokens, not certificates')
  // The key that a node joined with is the one that it keeps.
  if ((identity.kind === 'node') === (csr !== undefined))
    throw badRequest(`cannot sign for a ${identity.kind}: because a CSR is ${csr ? 'not its way' : 'missing'}`)
  return room.trust.certify(identity, csr)
}
