/** The way back in for a board that was off when its certificate ran out: it shows the old one, and that it still has the key. */
import { createPublicKey, verify } from 'node:crypto'
import { parseUsername } from '../../contract/wire/identity.ts'
import { type JoinRequest, renewalText } from '../../contract/wire/join.ts'
import { CodedError, hasCode, messageOf } from '../../kit/errors.ts'
import { type CertificateFacts, isSignedBy, readCertificate } from '../../kit/x509.ts'
import type { EventRecorder } from '../store/event-recorder.ts'
import type { Authority } from './authority.ts'
import type { Certifier } from './certifier.ts'
import type { Identities } from './identities.ts'
import type { Nonces } from './nonces.ts'
import { joinRefused } from './refusals.ts'
import { issuedMsOf } from './serial.ts'

export interface BoardRenewalParts {
  cluster: string
  authority: Authority
  certifier: Certifier
  identities: Identities
  nonces: Nonces
  events: EventRecorder
}

/** A board that was in a drawer for longer joins anew. */
const maxAgeMs = 400 * 24 * 60 * 60 * 1000

export class BoardRenewal {
  #parts: BoardRenewalParts

  constructor(parts: BoardRenewalParts) {
    this.#parts = parts
  }

  async renew(request: Extract<JoinRequest, { type: 'renew' }>): Promise<{ certificate: string }> {
    const { authority, identities, certifier, nonces, events, cluster } = this.#parts
    const facts = this.#read(request.certificate)
    const username = facts.commonName ?? ''
    const identity = parseUsername(username)
    const name = identity?.kind === 'node' ? identity.name : username
    const refuse = (code: CodedError['code'], why: string): CodedError => joinRefused(events, { name, code, why })
    if (identity?.kind !== 'node') throw refuse('Forbidden', 'its certificate is not that of a board')
    if (!nonces.check(request.nonce))
      throw new CodedError('Expired', 'cannot renew: because the nonce is too old: ask for another')
    if (
      !isSigned({ text: renewalText(cluster, request.nonce), signature: request.signature, publicKey: facts.publicKey })
    ) {
      throw refuse('Unauthorized', 'it has not shown that it has the key of its certificate')
    }
    if (authority.nowMs() - facts.notAfterMs > maxAgeMs) {
      throw refuse(
        'Forbidden',
        `its certificate ran out more than 400 days ago: flotilla token create --node ${identity.name}`,
      )
    }
    const issuedMs = issuedMsOf(facts.serialNumber) ?? 0
    const problem = identities.problemWith(identity, { by: 'certificate', publicKey: facts.publicKey, issuedMs })
    if (problem !== undefined) throw refuse('Forbidden', problem.text)
    return certifier.certify(identity, undefined)
  }

  /** An old certificate of our own CA, or a refusal. */
  #read(certificate: string): CertificateFacts {
    const { authority, events } = this.#parts
    const refuse = (why: string): CodedError => joinRefused(events, { name: 'unknown', code: 'Unauthorized', why })
    try {
      const facts = readCertificate(certificate)
      if (isSignedBy(certificate, authority.certificate)) return facts
    } catch (error) {
      if (!hasCode(error, 'BadRequest')) throw error
      throw refuse(messageOf(error))
    }
    throw refuse('its certificate is not from the CA of this cluster')
  }
}

function isSigned({ text, signature, publicKey }: { text: string; signature: string; publicKey: string }): boolean {
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), type: 'spki', format: 'der' })
  return verify('sha256', Buffer.from(text), key, Buffer.from(signature, 'base64'))
}
