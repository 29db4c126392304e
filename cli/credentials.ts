/** What a context shows of us: whom its certificate or token names, and whether that still holds. */
import type { ClientContext } from '../contract/wire/client-config.ts'
import { parseUsername } from '../contract/wire/identity.ts'
import { CodedError } from '../kit/errors.ts'
import { type CertificateFacts, readCertificate } from '../kit/x509.ts'

/** No token is longer. */
const maxTokenLength = 16 * 1024

/** Throws `BadRequest` when nothing in the context says who we are. */
export function usernameFor({ name, username, certificate, token }: ClientContext): string {
  const found = username ?? (token !== undefined ? subjectOf(token) : certificate && commonNameOf(certificate))
  if (found !== undefined && parseUsername(found) !== undefined) return found
  const nothing =
    token === undefined ? 'it has no certificate and no token' : 'its token (or $FLOTILLA_TOKEN) is not whole'
  const why = found === undefined ? nothing : `"${found}" is the name of nobody`
  throw new CodedError(
    'BadRequest',
    `cannot use context ${name}: because ${why}. An admin makes a whole one: flotilla user create NAME`,
  )
}

/** Throws `BadRequest` when the certificate has run out by our clock, with the way out. */
export function checkCertificate(
  context: { name: string; username: string; certificate?: string },
  nowMs: number,
): void {
  const { name, username, certificate } = context
  if (certificate === undefined) return
  const endMs = certificateEnd(certificate)
  if (endMs === undefined)
    throw new CodedError('BadRequest', `cannot use context ${name}: because its certificate is damaged`)
  if (nowMs < endMs) return
  const ended = new Date(endMs).toISOString()
  const way = `an admin makes a new one: flotilla user create ${username}`
  throw new CodedError('BadRequest', `cannot use context ${name}: because its certificate ran out at ${ended}: ${way}`)
}

/** Ms since 1970; undefined when it cannot be read. */
export function certificateEnd(certificate: string): number | undefined {
  return read(certificate)?.notAfterMs
}

function commonNameOf(certificate: string): string | undefined {
  return read(certificate)?.commonName
}

/** Unchecked: it only says under which name to ask. Whether it is true, the broker finds out. */
function subjectOf(token: string): string | undefined {
  if (token.length > maxTokenLength) return undefined
  const [, payload = ''] = token.split('.')
  try {
    const { sub } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub?: unknown }
    return typeof sub === 'string' ? sub : undefined
  } catch {
    // No token at all: it names nobody.
    return undefined
  }
}

function read(certificate: string): CertificateFacts | undefined {
  try {
    return readCertificate(certificate)
  } catch {
    // Damaged, and the caller says so with the name of the context.
    return undefined
  }
}
