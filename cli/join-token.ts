/** Makes join tokens: the secret is made here and shown once; the master only ever sees its SHA-256. */
import { createHash } from 'node:crypto'
import type { OwnerReference } from '../contract/resources/meta.ts'
import { type JoinToken as JoinTokenObject, trustApiVersion } from '../contract/resources/trust.ts'
import { formatToken, type JoinToken } from '../contract/wire/join.ts'
import type { Random } from '../kit/random.ts'
import type { ApiClient } from './api-client.ts'
import { kindNamed, targetOf } from './resource-args.ts'

export interface TokenWish {
  uses: number
  /** The only board that may join by it. */
  nodeName: string | undefined
  /** RFC 3339. */
  expirationTimestamp: string
  /** It ends with its owner. */
  owner?: OwnerReference
}

export async function createJoinToken(
  api: ApiClient,
  random: Random,
  { uses, nodeName, expirationTimestamp, owner }: TokenWish,
): Promise<JoinToken> {
  const token = newToken(random)
  const tokenHash = createHash('sha256').update(formatToken(token)).digest('hex')
  const object: JoinTokenObject = {
    apiVersion: trustApiVersion,
    kind: 'JoinToken',
    metadata: { name: token.id, ...(owner && { ownerReferences: [owner] }) },
    spec: { tokenHash, expirationTimestamp, uses, ...(nodeName !== undefined && { nodeName }) },
  }
  await api.create(targetOf(kindNamed('jointokens'), undefined), { ...object, spec: { ...object.spec } })
  return token
}

export async function revokeJoinToken(api: ApiClient, id: string): Promise<void> {
  await api.delete(targetOf(kindNamed('jointokens'), undefined, id))
}

/** The lengths are those that join.ts reads: 123 bits of a secret. */
function newToken(random: Random): JoinToken {
  return { id: random.suffix(6), secret: random.suffix(26) }
}
