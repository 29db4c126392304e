/** Who connects: the broker's Policy, by certificate, by token, or as a board that wants to join. Whoever shows nothing else gets nothing else. */
import { type Identity, parseUsername } from '../../contract/wire/identity.ts'
import { hasCode, messageOf } from '../../kit/errors.ts'
import { type CertificateFacts, isSignedBy, readCertificate } from '../../kit/x509.ts'
import type { Admission, ConnectionFacts, Policy, RefusalReason, Unwelcome } from '../broker/policy.ts'
import type { Authority } from './authority.ts'
import type { Identities, Proof } from './identities.ts'
import { issuedMsOf } from './serial.ts'
import type { Tokens } from './tokens.ts'

/** MQTT user names for those who have no certificate. */
const tokenUsername = 'token'
const joinUsername = 'join'

export interface AuthenticatorParts {
  authority: Authority
  identities: Identities
  tokens: Tokens
  /** Whether another board that has this node's identity is heard, and the one with this client was refused in its favour. */
  isTwin: (node: string, clientId: string) => boolean
}

/** How long an identity is proven, and by what. */
interface Proven {
  identity: Identity
  proof: Proof
  untilMs: number
  clientId: string
}

export class Authenticator implements Policy {
  #parts: AuthenticatorParts

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts
  }

  async admit(facts: ConnectionFacts): Promise<Admission> {
    const { certificate, username, password, transport, clientId } = facts
    if (transport === 'inProcess') return { identity: { kind: 'master' }, stillWelcome: () => undefined }
    // A board whose certificate has run out may still show it while it asks for a new one.
    const isJoining = username === joinUsername || (username === undefined && certificate === undefined)
    if (isJoining && isEmpty(password)) return { identity: { kind: 'joining' }, stillWelcome: () => undefined }
    if (certificate !== undefined) return this.#byCertificate(certificate, clientId)
    if (username === tokenUsername && password !== undefined) return this.#byToken(password.toString('utf8'), clientId)
    return refused('not-admitted', 'neither a certificate of this cluster nor a token was shown')
  }

  #byCertificate({ raw, problem }: { raw: Buffer; problem: string | undefined }, clientId: string): Admission {
    const read = this.#read(raw)
    if ('refused' in read) return read
    const { facts, identity } = read
    if (problem !== undefined) {
      const { reason, text } = meaningOf(problem)
      return refused(reason, text, identity)
    }
    const issuedMs = issuedMsOf(facts.serialNumber)
    if (issuedMs === undefined)
      return refused('certificate-invalid', 'its serial number is not one of this CA', identity)
    const proof: Proof = { by: 'certificate', publicKey: facts.publicKey, issuedMs }
    return this.#admit({ identity, proof, untilMs: facts.notAfterMs, clientId })
  }

  /** TLS has looked at the chain already; not, perhaps, when a session was taken up again. */
  #read(raw: Buffer): { facts: CertificateFacts; identity: Identity } | Extract<Admission, { refused: string }> {
    try {
      const facts = readCertificate(raw)
      if (!isSignedBy(raw, this.#parts.authority.certificate))
        return refused('certificate-invalid', 'it is not from the CA of this cluster')
      const identity = facts.commonName === undefined ? undefined : parseUsername(facts.commonName)
      // The master's own is for brokers that are not ours.
      const isClient = identity !== undefined && identity.kind !== 'master' && identity.kind !== 'joining'
      return isClient ? { facts, identity } : refused('not-admitted', 'its common name is nobody who may connect here')
    } catch (error) {
      return refused('certificate-invalid', messageOf(error))
    }
  }

  async #byToken(token: string, clientId: string): Promise<Admission> {
    const { tokens, authority } = this.#parts
    try {
      const { identity, proof, expiresMs } = await tokens.verify(token, authority.nowMs())
      return this.#admit({ identity, proof, untilMs: expiresMs, clientId })
    } catch (error) {
      if (hasCode(error, 'Unauthorized', 'Expired')) return refused('bad-token', error.message)
      throw error
    }
  }

  #admit(proven: Proven): Admission {
    const { identity } = proven
    const problem = this.#problemOf(proven)
    if (problem !== undefined) return refused(problem.reason, problem.text, identity)
    return { identity, stillWelcome: () => this.#problemOf(proven) }
  }

  #problemOf({ identity, proof, untilMs, clientId }: Proven): Unwelcome | undefined {
    const { authority, identities, isTwin } = this.#parts
    if (authority.nowMs() >= untilMs) {
      const reason = proof.by === 'token' ? 'bad-token' : 'certificate-expired'
      return { reason, text: `the time of its ${proof.by} is over since ${new Date(untilMs).toISOString()}` }
    }
    const problem = identities.problemWith(identity, proof)
    if (problem !== undefined || identity.kind !== 'node' || !isTwin(identity.name, clientId)) return problem
    return { reason: 'twin', text: `another board has the identity of ${identity.name}, and was there first` }
  }
}

/** What OpenSSL found wrong, in the words that counters and people have for it. */
function meaningOf(problem: string): { reason: RefusalReason; text: string } {
  if (problem === 'CERT_HAS_EXPIRED') return { reason: 'certificate-expired', text: 'its certificate has run out' }
  if (problem === 'CERT_REVOKED') return { reason: 'certificate-revoked', text: 'its certificate was revoked' }
  return { reason: 'certificate-invalid', text: `its certificate is not to be believed (${problem})` }
}

function refused(reason: RefusalReason, text: string, identity?: Identity): Extract<Admission, { refused: string }> {
  return { refused: text, reason, ...(identity && { identity }) }
}

function isEmpty(password: Buffer | undefined): boolean {
  return password === undefined || password.length === 0
}
