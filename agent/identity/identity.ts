/** Who this board is: its names, its certificate and key, and whom it believes. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { masterServerName, usernameOf } from '../../contract/wire/identity.ts'
import type { TlsOptions } from '../../kit/bus/tls-socket.ts'
import { CodedError } from '../../kit/errors.ts'
import { readCertificate } from '../../kit/x509.ts'
import { checkServers, IdentityFiles, type StoredIdentity } from './identity-files.ts'
import { MasterTime, type MasterTimeParts } from './master-time.ts'
import { fingerprintOf, verifyMaster } from './verify-master.ts'

export interface AgentIdentityParts extends Omit<MasterTimeParts, 'path'> {
  /** The agent's. */
  dataDirectory: string
}

/** Of a master that moves again and again, the newest addresses. */
const maxKeptServers = 8

/** Undefined when the board has not joined. Rejects with `Invalid` when what it has kept cannot be used. */
export async function loadIdentity({
  dataDirectory,
  clock,
  log,
}: AgentIdentityParts): Promise<AgentIdentity | undefined> {
  const files = new IdentityFiles(dataDirectory)
  const stored = await files.read()
  if (!stored) return undefined
  const time = new MasterTime({ path: files.timePath, clock, log })
  await time.load()
  // Nothing happened before the certificate was issued.
  time.told(Date.parse(stored.issuedAt), { isFresh: false })
  return new AgentIdentity({ files, stored, time })
}

export class AgentIdentity {
  readonly time: MasterTime
  #files: IdentityFiles
  #stored: StoredIdentity
  #ca: X509Certificate
  /** Where the master may be as well, as the LAN says: in memory only, until it has shown who it is. */
  #rumours: string[] = []
  /** Of the certificate that the master has shown last. */
  #masterUntilMs: number | undefined

  constructor({ files, stored, time }: { files: IdentityFiles; stored: StoredIdentity; time: MasterTime }) {
    this.time = time
    this.#files = files
    this.#stored = stored
    this.#ca = new X509Certificate(stored.ca)
  }

  get nodeName(): string {
    return this.#stored.nodeName
  }

  get cluster(): string {
    return this.#stored.cluster
  }

  /** `system:node:<name>`. */
  get username(): string {
    return usernameOf({ kind: 'node', name: this.nodeName })
  }

  /** URLs of the master's brokers, in the order in which to try them. */
  get servers(): string[] {
    return [...new Set([...this.#stored.servers, ...this.#rumours])]
  }

  /** Tries these as well, after those that the master named itself. In place of those given before. */
  alsoTry(servers: string[]): void {
    this.#rumours = checkServers(servers)
  }

  /** The master was reached, and known by its CA, at this URL. On the disk when it resolves; false when that was known. */
  async foundAt(server: string): Promise<boolean> {
    if (this.#stored.servers.includes(server)) return false
    const servers = checkServers([server, ...this.#stored.servers]).slice(0, maxKeptServers)
    const stored: StoredIdentity = { ...this.#stored, servers }
    await this.#files.write(stored)
    this.#stored = stored
    return true
  }

  /** PEM. */
  get certificate(): string {
    return this.#stored.certificate
  }

  /** PEM of the cluster's own. */
  get ca(): string {
    return this.#stored.ca
  }

  /** SHA-256 of it, as in join lines. */
  get caFingerprint(): string {
    return fingerprintOf(this.#ca)
  }

  /** PKCS #8, PEM: for opening what the master has sealed for this node. */
  privateKeyPem(): string {
    return this.#stored.key
  }

  /** Which join made it: see `attemptOf`. */
  get joinedBy(): string {
    return this.#stored.joinedBy
  }

  /** When the certificate was issued and when it ends, by the master's clock. */
  get term(): { fromMs: number; untilMs: number } {
    const untilMs = new X509Certificate(this.#stored.certificate).validToDate.getTime()
    return { fromMs: Date.parse(this.#stored.issuedAt) || 0, untilMs }
  }

  get hasRunOut(): boolean {
    return this.time.now() > this.term.untilMs
  }

  /** For the next connection to the master. */
  tls(): TlsOptions {
    return { ...this.masterTls(), cert: this.#stored.certificate, key: this.#stored.key }
  }

  /** Without showing who we are: for a board whose own certificate has run out. */
  masterTls(): TlsOptions {
    return {
      ca: this.#stored.ca,
      servername: masterServerName,
      verify: certificate => {
        verifyMaster(certificate, { ca: this.#ca, nowMs: this.time.now() })
        this.#masterUntilMs = certificate.validToDate.getTime()
      },
    }
  }

  /** The master, which `tls` has verified, says what time it is (RFC 3339). */
  hearTime(time: string | undefined, isFresh: boolean): void {
    const untilMs = this.#masterUntilMs
    if (time !== undefined && untilMs !== undefined) this.time.told(Date.parse(time), { isFresh, untilMs })
  }

  /** A new certificate for the same key, on the disk when it resolves. Rejects with `Invalid` when it is not ours. */
  async renew({ certificate, servers = [] }: { certificate: string; servers?: string[] }): Promise<void> {
    checkCertificate({ ...this.#stored, certificate })
    const stored: StoredIdentity = {
      ...this.#stored,
      certificate,
      servers: servers.length > 0 ? servers : this.#stored.servers,
      issuedAt: new Date(this.time.now()).toISOString(),
    }
    await this.#files.write(stored)
    this.#stored = stored
  }

  /** True when the board was joined anew under the same name meanwhile: what counts is what is on the disk. */
  async reload(): Promise<boolean> {
    const stored = await this.#files.read()
    if (!stored || stored.certificate === this.#stored.certificate) return false
    if (stored.nodeName !== this.nodeName || stored.cluster !== this.cluster) {
      const reason = `this board has become node ${stored.nodeName} of cluster ${stored.cluster}`
      throw new CodedError('Conflict', `cannot go on as node ${this.nodeName}: because ${reason}: restart the agent`)
    }
    this.#stored = stored
    this.#ca = new X509Certificate(stored.ca)
    return true
  }
}

/** Throws `Invalid` when a certificate is not this node's, of this CA, for this key. */
export function checkCertificate({
  certificate,
  ca,
  key,
  nodeName,
}: Pick<StoredIdentity, 'certificate' | 'ca' | 'key' | 'nodeName'>): void {
  const bad = (reason: string): CodedError =>
    new CodedError('Invalid', `cannot take the certificate that the master gave: because ${reason}`)
  const [given, issuer] = [parse(certificate), parse(ca)]
  if (!given || !issuer) throw bad('it is none')
  const { commonName } = readCertificate(certificate)
  if (commonName !== usernameOf({ kind: 'node', name: nodeName })) throw bad(`it is not for node ${nodeName}`)
  if (!given.verify(issuer.publicKey)) throw bad("it is not signed by our cluster's CA")
  if (!given.checkPrivateKey(createPrivateKey(key))) throw bad('it is for another key')
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    // What is wrong with bytes that are no certificate helps nobody.
    return undefined
  }
}
