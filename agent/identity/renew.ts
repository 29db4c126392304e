/** A new certificate for a board whose own has run out: it proves on the join topics that it still has the key. */
import { sign } from 'node:crypto'
import { renewalText } from '../../contract/wire/join.ts'
import type { Clock } from '../../kit/clock.ts'
import { CodedError, hasCode } from '../../kit/errors.ts'
import type { Random } from '../../kit/random.ts'
import type { AgentIdentity } from './identity.ts'
import { type Ask, atJoinDoor, type CertificateReply, readCertificateReply } from './join-exchange.ts'

export interface RenewParts {
  identity: AgentIdentity
  clock: Clock
  random: Random
}

/** Asks at one server after the other. Rejects with the master's refusal, or with why none could be asked. */
export async function renewAtJoinDoor({ identity, clock, random }: RenewParts): Promise<CertificateReply> {
  let failure: unknown
  for (const server of identity.servers) {
    try {
      const door = { cluster: identity.cluster, server, tls: identity.masterTls(), clock, random }
      return await atJoinDoor(door, ask => prove(ask, identity))
    } catch (error) {
      failure = error
      // Another server of the same master would refuse as well.
      if (!hasCode(error, 'ServiceUnavailable', 'Timeout', 'Unauthorized')) throw error
    }
  }
  throw failure
}

async function prove(ask: Ask, identity: AgentIdentity): Promise<CertificateReply> {
  const { nonce } = (await ask({ type: 'nonce' })) as { nonce?: unknown }
  if (typeof nonce !== 'string') {
    throw new CodedError('InternalError', 'cannot read the answer of the master: because it has no nonce')
  }
  const text = renewalText(identity.cluster, nonce)
  const signature = sign('sha256', Buffer.from(text), identity.privateKeyPem()).toString('base64')
  return readCertificateReply(await ask({ type: 'renew', certificate: identity.certificate, nonce, signature }))
}
