/** Right certificates, signing requests, tokens and sealed texts, made for one run. */

import { seal, signToken } from '../../kit/jose.ts'
import { createCa, createCsr, generateKey, issueCertificate, publicKeyOf } from '../../kit/x509.ts'

const times = { notBefore: new Date(0), notAfter: new Date('2090-01-01T00:00:00Z') }
const ca = await createCa({ subject: { commonName: 'ca' }, ...times, serialNumber: '01' })

export const key = generateKey()
const publicKey = publicKeyOf(key)
export const { csr } = await createCsr({ commonName: 'board-1', key })
export const certificate = await issueCertificate({
  ...{
    ca,
    subject: { commonName: 'alice', organizations: ['a'] },
    publicKey,
    use: 'client',
    serialNumber: '02',
    ...times,
  },
})
export const caCertificate = ca.certificate
export const token = await signToken(
  { kid: 'k', key },
  { iss: 'home', aud: 'home', sub: 'alice', iat: 1_000, exp: 4_000_000_000, pod: { name: 'p', uid: 'u' } },
)
export const sealed = await seal(Buffer.from('{"data":{}}'), { publicKey, about: 'secrets/a/b' })
/** The bytes inside a PEM. */
export const derOf = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64')
export const pemOf = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64')}\n-----END ${label}-----\n`
