import { X509Certificate } from 'node:crypto'
import test from 'ava'
import { findClusterCa, fingerprintOf, verifyMaster } from '../../../agent/identity/verify-master.ts'
import { CodedError } from '../../../kit/errors.ts'
import { createCa, generateKey, type IssueOptions, issueCertificate, publicKeyOf } from '../../../kit/x509.ts'

const end = Date.UTC(2027, 0, 1)
const times = { notBefore: new Date(0), notAfter: new Date(end) }
const ca = await createCa({
  subject: { commonName: 'ours' },
  serialNumber: '01',
  notBefore: new Date(0),
  notAfter: new Date(Date.UTC(2050, 0, 1)),
})
/** The same name, another key: what somebody makes who has only seen ours. */
const impostor = await createCa({ subject: { commonName: 'ours' }, serialNumber: '01', ...times })

async function certificate(options: Partial<IssueOptions> = {}): Promise<X509Certificate> {
  const publicKey = publicKeyOf(generateKey())
  const subject = { commonName: 'system:server' }
  const fixed = {
    ca,
    subject,
    publicKey,
    use: 'server' as const,
    dnsNames: ['flotilla-master', 'pi-1'],
    serialNumber: '05',
  }
  return new X509Certificate(await issueCertificate({ ...fixed, ...times, ...options }))
}

const ours = new X509Certificate(ca.certificate)

test('a master of our CA is believed until its certificate ends, by the time that we are told', async t => {
  const master = await certificate()
  for (const nowMs of [undefined, 0, end - 1]) t.notThrows(() => verifyMaster(master, { ca: ours, nowMs }))
  t.throws(() => verifyMaster(master, { ca: ours, nowMs: end + 1000 }), { message: /has run out \(2027-01-01/ })
})

test('whoever else has a certificate is no master', async t => {
  const rows: Array<[what: string, options: Partial<IssueOptions>, reason: RegExp]> = [
    ['another CA of the same name', { ca: impostor }, /not of our cluster's CA/],
    ['a node of ours', { use: 'client', dnsNames: [] }, /not a master's/],
    ['a client with the name', { use: 'client' }, /not a master's/],
    ['a server without the name', { dnsNames: ['pi-1'] }, /not a master's/],
    [
      'a server that has it as a common name alone',
      { dnsNames: [], subject: { commonName: 'flotilla-master' } },
      /not a master's/,
    ],
    ['a server with a wildcard', { dnsNames: ['*'] }, /not a master's/],
  ]
  for (const [what, options, reason] of rows) {
    const shown = await certificate(options)
    const error = t.throws(() => verifyMaster(shown, { ca: ours, nowMs: 0 }), { instanceOf: CodedError }, what)
    t.is(error.code, 'Unauthorized')
    t.regex(error.message, reason, what)
  }
})

test('the CA itself is no master', t => {
  t.throws(() => verifyMaster(ours, { ca: ours, nowMs: 0 }), { message: /not a master's/ })
})

test('the CA of a join line is found by its fingerprint alone, and must be one', async t => {
  const master = await certificate()
  t.throws(() => findClusterCa(master, fingerprintOf(ours)), {
    message: /no certificate that it shows has the fingerprint/,
  })
  t.throws(() => findClusterCa(master, fingerprintOf(master)), { message: /no certificate that it shows/ })
  t.is(findClusterCa(ours, fingerprintOf(ours)), ours)
})
