/** The cluster's CA: signs the certificates of boards, people, tools and the master itself, for the time that each may have. */
import { type Identity, masterServerName, usernameOf } from '../../contract/wire/identity.ts'
import type { Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import type { Random } from '../../kit/random.ts'
import { type CertificateFacts, type Credentials, createCa, issueCertificate, readCertificate } from '../../kit/x509.ts'
import type { Ledger } from './ledger.ts'
import { issuedMsOf, newSerial } from './serial.ts'

const dayMs = 24 * 60 * 60 * 1000
const lifeMs = { ca: 30 * 365 * dayMs, server: 365 * dayMs, node: 90 * dayMs, client: 365 * dayMs }
/**
 * The program was written after this. A board without a clock that is to be the master makes its CA then, and not in 1970:
 * what it signed would have run out before the clock is set.
 */
const earliestMs = Date.UTC(2026, 0, 1)
/** All certificates begin in 1970, so that a board that has lost its clock believes them. */
const notBefore = new Date(0)
/** Nobody's username: a server's certificate gets nobody in as a client. */
const serverCommonName = 'system:server'
/** X.509 keeps an organization to 64 characters; groups that do not fit live in the store alone, where they count. */
const maxOrganizationLength = 64
const maxOrganizations = 16

export interface Issued {
  /** PEM. */
  certificate: string
  facts: CertificateFacts
}

export function makeAuthority(options: {
  cluster: string
  clock: Clock
  random: Random
  key?: string
}): Promise<Credentials> {
  const { cluster, clock, random, key } = options
  const nowMs = Math.max(clock.now(), earliestMs)
  return createCa({
    subject: { commonName: `Flotilla CA ${random.uuid()}`, organizations: [cluster] },
    ...{ notBefore, notAfter: new Date(nowMs + lifeMs.ca), serialNumber: newSerial(nowMs, random) },
    ...(key !== undefined && { key }),
  })
}

export interface AuthorityParts {
  credentials: Credentials
  clock: Clock
  random: Random
  /** Every certificate is written there before anybody gets it. */
  ledger: Ledger
}

export class Authority {
  /** PEM. */
  readonly certificate: string
  readonly facts: CertificateFacts
  #parts: AuthorityParts
  readonly #floorMs: number

  constructor(parts: AuthorityParts) {
    this.#parts = parts
    this.certificate = parts.credentials.certificate
    this.facts = readCertificate(this.certificate)
    this.#floorMs = issuedMsOf(this.facts.serialNumber) ?? earliestMs
  }

  /**
   * The wall clock, but never before the CA was made: it may have fallen back to 1970. Nothing later raises it: a clock that was
   * once in the future must not leave all certificates for run out.
   */
  nowMs(): number {
    return Math.max(this.#parts.clock.now(), this.#floorMs)
  }

  /** `publicKey`: SPKI in DER. Rejects with `Invalid` for a key of another kind. */
  async issue(identity: Identity, publicKey: Buffer, groups: string[] = []): Promise<Issued> {
    const organizations = groups.filter(group => group.length <= maxOrganizationLength).slice(0, maxOrganizations)
    const life = identity.kind === 'node' ? lifeMs.node : lifeMs.client
    const subject = { commonName: usernameOf(identity), organizations }
    const issued = await this.#sign({ subject, publicKey, use: 'client' }, life)
    const { serialNumber, notAfterMs, publicKey: key } = issued.facts
    await this.#parts.ledger.add(
      { username: subject.commonName, serialNumber, publicKey: key, notAfterMs },
      this.nowMs(),
    )
    return issued
  }

  issueServer(publicKey: Buffer, names: { dnsNames: string[]; ipAddresses: string[] }): Promise<Issued> {
    const dnsNames = [masterServerName, ...names.dnsNames.filter(name => name !== masterServerName)]
    const subject = { commonName: serverCommonName }
    return this.#sign({ subject, publicKey, use: 'server', dnsNames, ipAddresses: names.ipAddresses }, lifeMs.server)
  }

  /** For whoever signs something else with the CA's key: a revocation list. */
  get credentials(): Credentials {
    return this.#parts.credentials
  }

  async #sign(
    what: Pick<Parameters<typeof issueCertificate>[0], 'subject' | 'publicKey' | 'use' | 'dnsNames' | 'ipAddresses'>,
    life: number,
  ): Promise<Issued> {
    const nowMs = this.nowMs()
    if (nowMs >= this.facts.notAfterMs) {
      throw new CodedError(
        'Expired',
        'cannot sign a certificate: because the time of the cluster CA is over. Is the clock right?',
      )
    }
    const notAfter = new Date(Math.min(nowMs + life, this.facts.notAfterMs))
    const serialNumber = newSerial(nowMs, this.#parts.random)
    const certificate = await issueCertificate({
      ...what,
      ca: this.#parts.credentials,
      notBefore,
      notAfter,
      serialNumber,
    })
    return { certificate, facts: readCertificate(certificate) }
  }
}

/** Whether two thirds of its life are over, by the time of issue that its serial number tells. */
export function isDueForRenewal({ serialNumber, notAfterMs }: CertificateFacts, nowMs: number): boolean {
  const issuedMs = issuedMsOf(serialNumber) ?? 0
  return nowMs >= issuedMs + ((notAfterMs - issuedMs) * 2) / 3
}
