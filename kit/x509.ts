/**
 * X.509 certificates with keys of ECDSA P-256: the adapter of `@peculiar/x509`, which is loaded when something is signed and not
 * before (it costs some 10 MB). Reading a certificate takes Node's own crypto.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  webcrypto,
  X509Certificate,
} from 'node:crypto'
import type * as X509 from '@peculiar/x509'
import { CodedError, messageOf } from './errors.ts'

/** A certificate and its PKCS #8 key, both PEM. */
export interface Credentials {
  certificate: string
  key: string
}

export interface Subject {
  commonName: string
  organizations?: string[]
}

export interface IssueOptions {
  ca: Credentials
  subject: Subject
  /** SPKI in DER, as `readCsr` and `publicKeyOf` give it. */
  publicKey: Buffer
  use: 'server' | 'client'
  /** Names and addresses of a server. */
  dnsNames?: string[]
  ipAddresses?: string[]
  notBefore: Date
  notAfter: Date
  /** Hexadecimal; at most 20 bytes, the first bit 0 (RFC 5280, 4.1.2.2). */
  serialNumber: string
}

export interface CertificateFacts {
  /** Undefined when there is none, or more than one: nobody may choose which. */
  commonName: string | undefined
  organizations: string[]
  /** Hexadecimal, lower case. */
  serialNumber: string
  notBeforeMs: number
  notAfterMs: number
  /** SPKI in DER, base64. */
  publicKey: string
  /** SHA-256 of the DER, hexadecimal. */
  fingerprint: string
}

const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const
const signing = { name: 'ECDSA', hash: 'SHA-256' } as const
/** How each SPKI of P-256 with an uncompressed point begins (RFC 5480); the 64 bytes of the point follow. */
const spkiPrefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex')
const spkiBytes = spkiPrefix.length + 64
/** Ours are about 450 characters. */
const maxCsrLength = 8 * 1024
const maxCertificateBytes = 16 * 1024
const csrShape =
  /^-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([\sA-Za-z0-9+/=]+)-----END (?:NEW )?CERTIFICATE REQUEST-----\s*$/

/** A new private key: PKCS #8, PEM. */
export function generateKey(): string {
  return generateKeyPairSync('ec', { namedCurve: curve.namedCurve }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string
}

/** The public half (SPKI in DER) of a private key in PEM. Throws `Invalid` when it is not of P-256; the text is not repeated. */
export function publicKeyOf(privateKey: string): Buffer {
  const spki = attempt('Invalid', 'read a private key', () => spkiOf(createPublicKey(createPrivateKey(privateKey))))
  return checkPublicKey(spki)
}

/** The same bytes when they are a point of P-256 in the one encoding that we take, so that keys may be compared as texts. Throws `Invalid`. */
export function checkPublicKey(spki: Buffer): Buffer {
  const isShaped = spki.length === spkiBytes && spki.subarray(0, spkiPrefix.length).equals(spkiPrefix)
  if (!isShaped) throw new CodedError('Invalid', 'cannot take the key: because it is not one of ECDSA P-256')
  // OpenSSL refuses a point that is not on the curve.
  attempt('Invalid', 'take the key', () => createPublicKey({ key: spki, type: 'spki', format: 'der' }))
  return spki
}

/** A self-signed CA that may sign certificates and CRLs, but no further CA. */
export async function createCa(options: {
  subject: Subject
  notBefore: Date
  notAfter: Date
  serialNumber: string
  key?: string
}): Promise<Credentials> {
  const { subject, notBefore, notAfter, serialNumber, key = generateKey() } = options
  const x509 = await load()
  const keys = { privateKey: await signingKey(key), publicKey: await verifyingKey(publicKeyOf(key)) }
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ name: nameOf(subject), keys, notBefore, notAfter, serialNumber, signingAlgorithm: signing },
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: `${certificate.toString('pem')}\n`, key }
}

/** PEM. What the holder of the key asked for plays no part: the issuer decides on subject, names and times. */
export async function issueCertificate(options: IssueOptions): Promise<string> {
  const { ca, subject, publicKey, use, dnsNames = [], ipAddresses = [], notBefore, notAfter, serialNumber } = options
  const x509 = await load()
  const issuer = new x509.X509Certificate(ca.certificate)
  const key = await verifyingKey(checkPublicKey(publicKey))
  const names = [
    ...dnsNames.map(value => ({ type: 'dns' as const, value })),
    ...ipAddresses.map(value => ({ type: 'ip' as const, value })),
  ]
  const purpose = use === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth
  const certificate = await x509.X509CertificateGenerator.create({
    ...{ subject: nameOf(subject), publicKey: key, notBefore, notAfter, serialNumber },
    ...{ issuer: issuer.subjectName.toJSON(), signingKey: await signingKey(ca.key), signingAlgorithm: signing },
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([purpose]),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      await x509.SubjectKeyIdentifierExtension.create(key),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return `${certificate.toString('pem')}\n`
}

/** A signing request (PEM) for `key`, or for a new one. */
export async function createCsr({ commonName, key = generateKey() }: { commonName: string; key?: string }): Promise<{
  csr: string
  key: string
}> {
  const x509 = await load()
  const keys = { privateKey: await signingKey(key), publicKey: await verifyingKey(publicKeyOf(key)) }
  const name = nameOf({ commonName })
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: signing })
  return { csr: `${request.toString('pem')}\n`, key }
}

/**
 * The key that a signing request (PEM) is for, once its signature has shown that the sender has the private half. Rejects with
 * `BadRequest` or `Invalid`, whatever the bytes are.
 */
export async function readCsr(pem: string): Promise<{ publicKey: Buffer }> {
  const bad = (reason: string, cause?: unknown): CodedError =>
    new CodedError('BadRequest', `cannot read the signing request: because ${reason}`, { cause })
  if (pem.length > maxCsrLength) throw bad(`it is longer than ${maxCsrLength} characters`)
  const [, base64] = csrShape.exec(pem.trim()) ?? []
  if (base64 === undefined) throw bad('it is not one CERTIFICATE REQUEST in PEM')
  const x509 = await load()
  let isSigned: boolean
  let publicKey: Buffer
  try {
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(base64, 'base64'))
    publicKey = checkPublicKey(Buffer.from(request.publicKey.rawData))
    isSigned = await request.verify()
  } catch (error) {
    if (error instanceof CodedError) throw error
    throw bad('its bytes are damaged', error)
  }
  if (!isSigned) throw bad('its signature is not by the key that it names')
  return { publicKey }
}

/** A list of revoked certificates, PEM: for brokers that are not ours. */
export async function createCrl(options: {
  ca: Credentials
  revoked: Array<{ serialNumber: string; revokedAt: Date }>
  thisUpdate: Date
  nextUpdate: Date
}): Promise<string> {
  const { ca, revoked, thisUpdate, nextUpdate } = options
  const x509 = await load()
  const issuer = new x509.X509Certificate(ca.certificate).subjectName.toJSON()
  const entries = revoked.map(({ serialNumber, revokedAt }) => ({ serialNumber, revocationDate: revokedAt }))
  const times = { thisUpdate, nextUpdate }
  const list = await x509.X509CrlGenerator.create({
    ...{ issuer, entries, ...times, signingAlgorithm: signing, signingKey: await signingKey(ca.key) },
  })
  // The library calls it `CRL`, which OpenSSL does not read (RFC 7468, section 6).
  return `${x509.PemConverter.encode(list.rawData, 'X509 CRL')}\n`
}

/** What a certificate (PEM or DER) says; whether to believe it is another question. Throws `BadRequest`. */
export function readCertificate(certificate: string | Buffer): CertificateFacts {
  const x = parse(certificate)
  const commonNames = subjectValues(x, 'CN')
  return {
    commonName: commonNames.length === 1 ? commonNames.find(isPlain) : undefined,
    organizations: subjectValues(x, 'O').filter(isPlain),
    serialNumber: x.serialNumber.toLowerCase(),
    notBeforeMs: x.validFromDate.getTime(),
    notAfterMs: x.validToDate.getTime(),
    publicKey: spkiOf(attempt('BadRequest', 'read the key of a certificate', () => x.publicKey)).toString('base64'),
    fingerprint: createHash('sha256').update(x.raw).digest('hex'),
  }
}

/** Of OpenSSL's text, a line for each name. Node's `toLegacyObject` would give them in parts; it crashes the process on some damaged certificates. */
function subjectValues({ subject = '' }: X509Certificate, name: 'CN' | 'O'): string[] {
  const lines = subject.split('\n').filter(line => line.startsWith(`${name}=`))
  return lines.map(line => line.slice(name.length + 1))
}

/** OpenSSL escapes signs by a backslash, and joins names that share a line by a plus: none of ours has either. */
function isPlain(value: string): boolean {
  return !/[\\+]/.test(value)
}

/** Whether the key of `ca` has signed `certificate`. Says nothing of time and purpose. Throws `BadRequest`. */
export function isSignedBy(certificate: string | Buffer, ca: string | Buffer): boolean {
  const [child, parent] = [parse(certificate), parse(ca)]
  try {
    return child.checkIssued(parent) && child.verify(parent.publicKey)
  } catch {
    // A signature of a kind that the CA's key cannot have made.
    return false
  }
}

function parse(certificate: string | Buffer): X509Certificate {
  if (certificate.length > maxCertificateBytes) {
    throw new CodedError(
      'BadRequest',
      `cannot read a certificate: because it is longer than ${maxCertificateBytes} bytes`,
    )
  }
  return attempt('BadRequest', 'read a certificate', () => new X509Certificate(certificate))
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

function nameOf({ commonName, organizations = [] }: Subject): Array<Record<string, string[]>> {
  return [...organizations.map(organization => ({ O: [organization] })), { CN: [commonName] }]
}

function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = attempt('Invalid', 'read a private key', () =>
    createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' }),
  )
  return webcrypto.subtle.importKey('pkcs8', der, curve, false, ['sign']) as Promise<webcrypto.CryptoKey>
}

function verifyingKey(spki: Buffer): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('spki', spki, curve, true, ['verify']) as Promise<webcrypto.CryptoKey>
}

async function load(): Promise<(typeof X509)['default']> {
  // The library's injection reads decorators' metadata; the order matters.
  await import('reflect-metadata')
  // CommonJS: Node gives its names and a default, a bundle the default alone.
  const { default: library } = await import('@peculiar/x509')
  return library
}

function attempt<T>(code: 'BadRequest' | 'Invalid', what: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw new CodedError(code, `cannot ${what}: because ${messageOf(error)}`, { cause: error })
  }
}
