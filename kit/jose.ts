/**
 * Signed tokens (JWT, ES256) and sealed texts (JWE, for the holder of one P-256 key): the adapter of `jose`. Each algorithm is
 * pinned: what a token's header asks for is compared, never followed.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { CodedError } from './errors.ts'

export interface TokenClaims {
  iss: string
  /** For whom the token is. */
  aud: string
  /** Who its bearer is. */
  sub: string
  /** Seconds since 1970. */
  iat: number
  exp: number
  /** Names that RFC 7519 does not keep for itself. */
  [claim: string]: unknown
}

export interface VerifyOptions {
  /** Public (or private) keys, PEM, by their `kid`. */
  keys: ReadonlyMap<string, string>
  iss: string
  aud: string
  nowMs: number
}

/** Longer is no token of ours. */
export const maxTokenLength = 4096
/** What may be sealed: more than a Secret may hold (1 MiB). */
export const maxSealedPlainBytes = 1536 * 1024
const maxSealedLength = Math.ceil((maxSealedPlainBytes * 4) / 3) + 4096

const tokenHeader = { alg: 'ES256', typ: 'JWT' } as const
/** One receiver, so the agreed key encrypts directly; the same key signs the receiver's certificates. */
const sealHeader = { alg: 'ECDH-ES', enc: 'A256GCM' } as const

/** `key`: the PKCS #8 key, PEM, that `kid` names. */
export async function signToken(key: { kid: string; key: string }, claims: TokenClaims): Promise<string> {
  const { SignJWT } = await import('jose')
  const token = await new SignJWT(claims as JWTPayload)
    .setProtectedHeader({ ...tokenHeader, kid: key.kid })
    .sign(createPrivateKey(key.key))
  if (token.length <= maxTokenLength) return token
  throw new CodedError('Invalid', `cannot sign the token: because it is longer than ${maxTokenLength} characters`)
}

/** Rejects with `Unauthorized`, in words that hold nothing of the token: `Expired` once its time is over. */
export async function verifyToken(token: string, options: VerifyOptions): Promise<TokenClaims> {
  const refused = (reason: string, cause?: unknown): CodedError =>
    new CodedError('Unauthorized', `cannot take the token: because ${reason}`, { cause })
  if (token.length > maxTokenLength) throw refused('it is too long')
  const { jwtVerify, errors } = await import('jose')
  const { keys, iss, aud, nowMs } = options
  const keyOf = ({ kid }: { kid?: string | undefined }): KeyObject => {
    const pem = kid === undefined ? undefined : keys.get(kid)
    if (pem === undefined) throw refused('it was signed with a key that is not known here')
    return createPublicKey(pem)
  }
  try {
    const { payload } = await jwtVerify(token, keyOf, {
      ...{ algorithms: [tokenHeader.alg], issuer: iss, audience: aud, typ: tokenHeader.typ },
      ...{ currentDate: new Date(nowMs), requiredClaims: ['sub', 'iat', 'exp'] },
    })
    return payload as TokenClaims
  } catch (error) {
    if (error instanceof CodedError) throw error
    if (error instanceof errors.JWTExpired) {
      throw new CodedError('Expired', 'cannot take the token: because its time is over', { cause: error })
    }
    if (error instanceof errors.JWTClaimValidationFailed)
      throw refused(`its claim ${error.claim} is not what it must be`, error)
    throw refused('it is no token of this cluster', error)
  }
}

/**
 * Encrypts so that only the holder of the private half of `publicKey` (SPKI in DER) can read it. `about` says what it is, in
 * the open: `unseal` takes it only under the same name, so that nobody passes one sealed text off as another.
 */
export async function seal(
  plain: Uint8Array,
  { publicKey, about }: { publicKey: Buffer; about: string },
): Promise<string> {
  if (plain.byteLength > maxSealedPlainBytes) {
    throw new CodedError(
      'RequestEntityTooLarge',
      `cannot seal ${about}: because it is larger than ${maxSealedPlainBytes} bytes`,
    )
  }
  const { CompactEncrypt } = await import('jose')
  const key = createPublicKey({ key: publicKey, type: 'spki', format: 'der' })
  return await new CompactEncrypt(plain).setProtectedHeader({ ...sealHeader, about }).encrypt(key)
}

/** Opens what `seal` made for the public half of `key` (PKCS #8, PEM). Rejects with `Invalid`. */
export async function unseal(sealed: string, { key, about }: { key: string; about: string }): Promise<Buffer> {
  const refused = (reason: string, cause?: unknown): CodedError =>
    new CodedError('Invalid', `cannot open ${about}: because ${reason}`, { cause })
  if (sealed.length > maxSealedLength) throw refused(`it is longer than ${maxSealedLength} characters`)
  const { compactDecrypt } = await import('jose')
  const options = { keyManagementAlgorithms: [sealHeader.alg], contentEncryptionAlgorithms: [sealHeader.enc] }
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, createPrivateKey(key), options)
    if (protectedHeader['about'] !== about) throw refused('it was sealed as something else')
    return Buffer.from(plaintext)
  } catch (error) {
    if (error instanceof CodedError) throw error
    throw refused('it was not sealed for this key, or is damaged', error)
  }
}
