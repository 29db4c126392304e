import { execFileSync } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import { CodedError } from '../../kit/errors.ts'
import {
  checkPublicKey,
  createCa,
  createCrl,
  createCsr,
  generateKey,
  type IssueOptions,
  isSignedBy,
  issueCertificate,
  publicKeyOf,
  readCertificate,
  readCsr,
} from '../../kit/x509.ts'

const notBefore = new Date(0)
const notAfter = new Date('2056-01-01T00:00:00Z')
const makeCa = (commonName = 'test CA') =>
  createCa({ subject: { commonName }, notBefore, notAfter, serialNumber: '0a01' })

async function issue(options: Partial<IssueOptions> = {}) {
  const ca = options.ca ?? (await makeCa())
  const key = generateKey()
  const certificate = await issueCertificate({
    ...{ ca, subject: { commonName: 'system:node:board-1' }, publicKey: publicKeyOf(key), use: 'client' },
    ...{ notBefore, notAfter: new Date('2030-01-01T00:00:00Z'), serialNumber: '0b02', ...options },
  })
  return { ca, key, certificate }
}

test('a certificate says for whom, for what, and for how long it is, and openssl believes it in 1970', async t => {
  const { ca, key, certificate } = await issue({
    subject: { commonName: 'alice', organizations: ['system:masters', 'ops'] },
  })
  const facts = readCertificate(certificate)
  t.like(facts, { commonName: 'alice', serialNumber: '0b02', notBeforeMs: 0, notAfterMs: Date.UTC(2030, 0, 1) })
  t.deepEqual(facts.organizations.toSorted(), ['ops', 'system:masters'])
  t.is(facts.publicKey, publicKeyOf(key).toString('base64'))
  t.true(isSignedBy(certificate, ca.certificate))
  const x = new X509Certificate(certificate)
  t.false(x.ca)
  t.deepEqual(x.keyUsage, ['1.3.6.1.5.5.7.3.2'])
  t.true(new X509Certificate(ca.certificate).ca)
  t.is(readCertificate(ca.certificate).notAfterMs, notAfter.getTime())
})

test('openssl verifies the chain for its purpose and for no other, with the clock in 1970', async t => {
  const { ca, certificate } = await issue({
    use: 'server',
    dnsNames: ['flotilla-master'],
    ipAddresses: ['10.0.0.1', 'fd00::1'],
  })
  const directory = execFileSync('mktemp', ['-d', '-t', 'flotilla-x509-XXXXXX'], { encoding: 'utf8' }).trim()
  t.teardown(() => execFileSync('rm', ['-r', directory]))
  const { writeFileSync } = await import('node:fs')
  writeFileSync(`${directory}/ca.crt`, ca.certificate)
  writeFileSync(`${directory}/x.crt`, certificate)
  const verify = (...flags: string[]): string =>
    execFileSync(
      'openssl',
      ['verify', '-attime', '86400', '-x509_strict', '-CAfile', `${directory}/ca.crt`, ...flags, `${directory}/x.crt`],
      {
        encoding: 'utf8',
        stdio: 'pipe',
      },
    )
  t.regex(verify('-purpose', 'sslserver', '-verify_hostname', 'flotilla-master'), /OK/)
  t.throws(() => verify('-purpose', 'sslclient'))
  t.throws(() => verify('-verify_hostname', 'other'))
  t.truthy(new X509Certificate(certificate).checkIP('10.0.0.1'))
  t.truthy(new X509Certificate(certificate).checkIP('fd00::1'))
  const list = await createCrl({
    ca,
    revoked: [{ serialNumber: '0b02', revokedAt: new Date(1000) }],
    thisUpdate: new Date(0),
    nextUpdate: notAfter,
  })
  writeFileSync(`${directory}/crl.pem`, list)
  t.throws(() => verify('-crl_check', '-CRLfile', `${directory}/crl.pem`), { message: /revoked/ })
})

test('another CA of the same name signs nothing of ours', async t => {
  const { certificate } = await issue()
  t.false(isSignedBy(certificate, (await makeCa()).certificate))
  t.false(isSignedBy(certificate, certificate))
})

test('a signing request gives its key, and what it asks for plays no part', async t => {
  const { csr, key } = await createCsr({ commonName: 'system:masters' })
  const { publicKey } = await readCsr(csr)
  t.deepEqual(publicKey, publicKeyOf(key))
  const { certificate } = await issue({ publicKey })
  t.is(readCertificate(certificate).commonName, 'system:node:board-1')
  const again = await createCsr({ commonName: 'x', key })
  t.deepEqual((await readCsr(again.csr)).publicKey, publicKey)
})

test('a signing request by another hand, of another kind of key, or damaged is refused', async t => {
  const mine = await createCsr({ commonName: 'a' })
  const theirs = await createCsr({ commonName: 'a' })
  // The key of one in the request of the other: the signature no longer fits.
  const [from, to] = [publicKeyOf(theirs.key), publicKeyOf(mine.key)]
  const der = Buffer.from(theirs.csr.split('\n').slice(1, -2).join(''), 'base64')
  to.copy(der, der.indexOf(from))
  const pem = (bytes: Buffer): string =>
    `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
  await t.throwsAsync(readCsr(pem(der)), { code: 'BadRequest', message: /not by the key/ } as object)
  const rsa = execFileSync(
    'openssl',
    ['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', '/dev/null', '-subj', '/CN=x'],
    {
      encoding: 'utf8',
      stdio: 'pipe',
    },
  )
  await t.throwsAsync(readCsr(rsa), { code: 'Invalid', message: /P-256/ } as object)
  for (const text of ['', 'x', pem(Buffer.alloc(0)), `${mine.csr}${mine.csr}`, mine.csr.padEnd(9000, '\n')]) {
    await t.throwsAsync(readCsr(text), { code: 'BadRequest' } as object)
  }
})

test('of two common names nobody may choose, whatever signs are in them', t => {
  const named = (subject: string): string | undefined => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null']
    const args = ['req', '-x509', ...key, '-subj', subject, '-multivalue-rdn']
    return readCertificate(execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' })).commonName
  }
  t.is(named('/O=crew/CN=alice'), 'alice')
  for (const subject of ['/CN=alice/CN=bob', '/CN=alice/CN=b,b', '/CN=alice+O=crew', '/O=crew+CN=alice', '/O=crew']) {
    t.is(named(subject), undefined, subject)
  }
})

test('no bytes make the reading of a request or a certificate crash', async t => {
  const { csr } = await createCsr({ commonName: 'a' })
  const good = Buffer.from(csr.split('\n').slice(1, -2).join(''), 'base64')
  const damaged = fc
    .tuple(fc.nat(good.length - 1), fc.uint8Array({ minLength: 1, maxLength: 40 }))
    .map(([at, bytes]) => Buffer.concat([good.subarray(0, at), bytes, good.subarray(at + bytes.length)]))
  // As deep as its size lets it be: a parser that descends must come back.
  const deep = fc.nat(5000).map(length => Buffer.from('30800000'.repeat(length / 4), 'hex'))
  const any = fc.oneof(damaged, deep, fc.uint8Array({ maxLength: 2000 }).map(Buffer.from))
  await fc.assert(
    fc.asyncProperty(any, async bytes => {
      const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----`
      const error = await readCsr(pem).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      t.true(error === undefined || error instanceof CodedError)
      t.throws(() => readCertificate(bytes), { instanceOf: CodedError })
    }),
    { numRuns: 500 },
  )
})

test('only a key of P-256 in its one encoding is taken', t => {
  const key = publicKeyOf(generateKey())
  t.is(checkPublicKey(key), key)
  const offCurve = Buffer.from(key)
  offCurve[90] = offCurve[90]! ^ 1
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  for (const wrong of [offCurve, key.subarray(1), p384.publicKey.export({ type: 'spki', format: 'der' })]) {
    t.throws(() => checkPublicKey(wrong), { code: 'Invalid' } as object)
  }
  const pem = p384.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  t.throws(() => publicKeyOf(pem), { code: 'Invalid' } as object)
  t.throws(() => publicKeyOf('x'), { code: 'Invalid' } as object)
})

test('a key that was made here signs', t => {
  t.is(sign('sha256', Buffer.from('x'), createPrivateKey(generateKey())).subarray(0, 1).toString('hex'), '30')
})

test('a certificate whose key is no point of the curve is refused, and crashes nobody', async t => {
  const { certificate } = await issue()
  const der = Buffer.from(certificate.replace(/-----[^-]+-----/g, ''), 'base64')
  const point = der.indexOf(Buffer.from('03420004', 'hex'))
  t.true(point > 0)
  for (const at of [3, 4, 20]) {
    const damaged = Buffer.from(der)
    damaged[point + at] = (damaged[point + at] ?? 0) ^ 0x05
    t.throws(() => readCertificate(damaged), { instanceOf: CodedError })
  }
})
