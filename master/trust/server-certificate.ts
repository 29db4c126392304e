/** The master's certificate as a server: kept fresh, and made anew when the board's names or addresses change. */
import { X509Certificate } from 'node:crypto'
import { masterServerName } from '../../contract/wire/identity.ts'
import type { Clock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { Loop } from '../../kit/loop.ts'
import { readPrivateFile, writePrivateFile } from '../../kit/private-file.ts'
import { type Credentials, isSignedBy, publicKeyOf, readCertificate } from '../../kit/x509.ts'
import { type Authority, isDueForRenewal } from './authority.ts'
import type { OwnNames } from './own-addresses.ts'

export interface ServerCertificateParts {
  authority: Authority
  /** PKCS #8, PEM: stays when the certificate changes, so that both never need to change at once. */
  key: string
  path: string
  /** What the board is called now. */
  names: () => OwnNames
  clock: Clock
  log: Log
}

/** Reading the interfaces costs a few microseconds; a new address is in the certificate within this time. */
const lookMs = 60_000

export class ServerCertificate {
  #parts: ServerCertificateParts
  #certificate = ''
  #handlers = new Set<(credentials: Credentials) => void>()
  #loop: Loop

  constructor(parts: ServerCertificateParts) {
    this.#parts = parts
    const { clock, log } = parts
    const onError = (error: unknown): void =>
      log.error("cannot renew the server's certificate", { reason: messageOf(error) })
    this.#loop = new Loop({ clock, intervalMs: lookMs, run: () => this.#refresh(), onError })
  }

  /** Resolves when there is one. */
  async open(): Promise<void> {
    const found = await readPrivateFile(this.#parts.path)
    if (found !== undefined && this.#isOurs(found)) this.#certificate = found
    await this.#refresh()
  }

  start(): void {
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  /** The CA's is shown too: a board that joins knows nothing of the cluster but its fingerprint. */
  get current(): Credentials {
    const { authority, key } = this.#parts
    return { certificate: `${this.#certificate}${authority.certificate}`, key }
  }

  onChange(handler: (credentials: Credentials) => void): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  async #refresh(): Promise<void> {
    const { authority, key, path, log } = this.#parts
    const names = this.#parts.names()
    const why = this.#whyRenew(names)
    if (why === undefined) return
    const { certificate, facts } = await authority.issueServer(publicKeyOf(key), names)
    await writePrivateFile(path, certificate)
    this.#certificate = certificate
    log.info("the server's certificate is new", { why, until: new Date(facts.notAfterMs).toISOString() })
    for (const handler of this.#handlers) handler(this.current)
  }

  #whyRenew({ dnsNames, ipAddresses }: OwnNames): string | undefined {
    if (this.#certificate === '') return 'there was none'
    if (isDueForRenewal(readCertificate(this.#certificate), this.#parts.authority.nowMs()))
      return 'two thirds of its life are over'
    const x = new X509Certificate(this.#certificate)
    const missing = [
      ...[masterServerName, ...dnsNames].filter(name => x.checkHost(name) === undefined),
      ...ipAddresses.filter(address => x.checkIP(address) === undefined),
    ]
    // One that it has too many does no harm: the address of a cable that is out comes back.
    return missing.length === 0 ? undefined : `it lacks ${missing.join(', ')}`
  }

  /** One that is not is left from another key or cut short: it is only a copy of what can be made again. */
  #isOurs(certificate: string): boolean {
    try {
      const key = publicKeyOf(this.#parts.key).toString('base64')
      return (
        readCertificate(certificate).publicKey === key && isSignedBy(certificate, this.#parts.authority.certificate)
      )
    } catch (error) {
      this.#parts.log.warn('cannot use the stored server certificate', { reason: messageOf(error) })
      return false
    }
  }
}
