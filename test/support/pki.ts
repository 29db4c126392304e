/** A CA of the test's own, with certificates for whomever a test needs. */
import { type Identity, parseUsername, usernameOf } from '../../contract/wire/identity.ts'
import {
  type Credentials,
  createCa,
  generateKey,
  issueCertificate,
  publicKeyOf,
  readCertificate,
} from '../../kit/x509.ts'
import type { Policy } from '../../master/broker/policy.ts'
import type { ServerTls } from '../../master/broker/tls-door.ts'

const notBefore = new Date(0)
const dayMs = 24 * 3600 * 1000

export class Pki {
  readonly ca: Credentials
  #serial = 0x1000

  private constructor(ca: Credentials) {
    this.ca = ca
  }

  static async create(commonName = 'test CA'): Promise<Pki> {
    const notAfter = new Date(Date.now() + 30 * dayMs)
    return new Pki(await createCa({ subject: { commonName }, notBefore, notAfter, serialNumber: '0a01' }))
  }

  async server(): Promise<ServerTls> {
    const { key, certificate } = await this.#issue('flotilla-master', 'server')
    return { key, cert: certificate, ca: this.ca.certificate }
  }

  client(identity: Identity | string, lifeMs = dayMs): Promise<Credentials> {
    return this.#issue(typeof identity === 'string' ? identity : usernameOf(identity), 'client', lifeMs)
  }

  async #issue(commonName: string, use: 'server' | 'client', lifeMs = dayMs): Promise<Credentials> {
    const key = generateKey()
    const certificate = await issueCertificate({
      ...{ ca: this.ca, subject: { commonName }, publicKey: publicKeyOf(key), use, notBefore },
      ...{ dnsNames: use === 'server' ? ['flotilla-master'] : [], ipAddresses: use === 'server' ? ['127.0.0.1'] : [] },
      notAfter: new Date(Date.now() + lifeMs),
      serialNumber: (this.#serial++).toString(16).padStart(4, '0'),
    })
    return { key, certificate }
  }
}

/** Whom a certificate names, and for the rest whoever joins; as the master's own, without a store. */
export const byCertificate: Policy = {
  async admit({ certificate, transport, password }) {
    const welcome = { stillWelcome: () => undefined }
    if (transport === 'inProcess') return { identity: { kind: 'master' }, ...welcome }
    if (password) return { refused: 'its token is not known' }
    if (!certificate) return { identity: { kind: 'joining' }, ...welcome }
    const identity = parseUsername(readCertificate(certificate.raw).commonName ?? '')
    if (!identity) return { refused: 'its certificate names nobody' }
    return { identity, ...welcome }
  },
}
