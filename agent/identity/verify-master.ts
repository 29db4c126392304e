/** Whether what answers is a master of our cluster. Pure: the time is an argument, for boards that have no clock. */
import { createHash, type X509Certificate } from 'node:crypto'
import { masterServerName } from '../../contract/wire/identity.ts'
import { CodedError } from '../../kit/errors.ts'

/** RFC 5280, 4.2.1.12. */
const serverAuth = '1.3.6.1.5.5.7.3.1'
/** Ours has one issuer; a chain that goes on for longer is looked at no further. */
const maxChain = 8

/** Throws `Unauthorized` with the reason. `nowMs`: see master-time.ts; undefined where no time is known at all. */
export function verifyMaster(
  certificate: X509Certificate,
  expected: { ca: X509Certificate; nowMs: number | undefined },
): void {
  const { ca, nowMs } = expected
  if (!isSignedBy(certificate, ca)) throw untrusted("the master's certificate is not of our cluster's CA")
  const names = { subject: 'never', wildcards: false } as const
  const isMaster = certificate.checkHost(masterServerName, names) !== undefined
  if (!isMaster || certificate.ca || !(certificate.keyUsage ?? []).includes(serverAuth)) {
    throw untrusted("what answers there shows a certificate of our cluster that is not a master's")
  }
  for (const { validToDate } of nowMs === undefined ? [] : [certificate, ca]) {
    if (validToDate.getTime() < (nowMs as number)) {
      throw untrusted(`the master's certificate has run out (${validToDate.toISOString()})`)
    }
  }
}

/** The CA with this fingerprint among what the peer has shown. Throws `Unauthorized`. */
export function findClusterCa(certificate: X509Certificate, fingerprint: string): X509Certificate {
  let link: X509Certificate | undefined = certificate
  for (let depth = 0; link && depth < maxChain; depth++) {
    if (fingerprintOf(link) === fingerprint && link.ca) return link
    link = link.issuerCertificate
  }
  throw untrusted(
    'no certificate that it shows has the fingerprint of the join line: it is another cluster, or somebody in between',
  )
}

/** SHA-256 of the DER, hexadecimal. */
export function fingerprintOf({ raw }: X509Certificate): string {
  return createHash('sha256').update(raw).digest('hex')
}

function isSignedBy(certificate: X509Certificate, ca: X509Certificate): boolean {
  try {
    return certificate.checkIssued(ca) && certificate.verify(ca.publicKey)
  } catch {
    // A signature of a kind that the CA's key cannot have made.
    return false
  }
}

function untrusted(reason: string): CodedError {
  return new CodedError('Unauthorized', reason)
}
