/** Bearer tokens of users and service accounts: what is in them, how long they live, and whose they are. */
import { createHash } from 'node:crypto'
import { type Identity, parseUsername, usernameOf } from '../../contract/wire/identity.ts'
import { asRecord } from '../../kit/bus/bad-messages.ts'
import { rfc3339 } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import { signToken, type TokenClaims, verifyToken } from '../../kit/jose.ts'
import { publicKeyOf } from '../../kit/x509.ts'
import type { Proof } from './identities.ts'

const hour = 60 * 60
/** Kubernetes' own smallest; the largest is one day for a pod, whose token is rotated, and one year for a script. */
const minLifeSeconds = 600
const life = {
  user: { standard: 30 * 24 * hour, longest: 365 * 24 * hour },
  serviceAccount: { standard: hour, longest: 24 * hour },
}
/** Whom tokens are for: this API. */
const ownAudience = 'flotilla'
/** Where Kubernetes puts them in its own tokens. */
const privateClaim = 'kubernetes.io'

export interface MintOptions {
  expirationSeconds?: number
  /** Whom it is for instead of this API, which then takes it for nothing. */
  audience?: string
  /** Of the service account; whoever makes another of that name cannot use this token. */
  uid?: string
  pod?: { name: string; uid: string }
  nowMs: number
}

export interface TokenHolder {
  identity: Identity
  proof: Proof
  expiresMs: number
}

export class Tokens {
  #issuer: string
  #kid: string
  #key: string
  #keys: ReadonlyMap<string, string>

  /** `key`: PKCS #8, PEM. */
  constructor({ cluster, key }: { cluster: string; key: string }) {
    this.#issuer = `flotilla:${cluster}`
    this.#kid = createHash('sha256').update(publicKeyOf(key)).digest('hex').slice(0, 16)
    this.#key = key
    this.#keys = new Map([[this.#kid, key]])
  }

  /** Rejects with `Invalid` when the time asked for is too short; one that is too long is cut, as in Kubernetes. */
  async mint(identity: Identity, options: MintOptions): Promise<{ token: string; expirationTimestamp: string }> {
    if (identity.kind !== 'user' && identity.kind !== 'serviceAccount') {
      throw new CodedError('Forbidden', `cannot issue a token: because a ${identity.kind} has none`)
    }
    const { standard, longest } = life[identity.kind]
    const { expirationSeconds = standard, audience = ownAudience, uid, pod, nowMs } = options
    if (!Number.isSafeInteger(expirationSeconds) || expirationSeconds < minLifeSeconds) {
      throw new CodedError(
        'Invalid',
        `cannot issue a token: because its life must be ${minLifeSeconds} seconds or more`,
      )
    }
    const iat = Math.floor(nowMs / 1000)
    const exp = iat + Math.min(expirationSeconds, longest)
    const base = { iss: this.#issuer, aud: audience, sub: usernameOf(identity), iat, exp }
    const claims: TokenClaims = { ...base, ...(uid !== undefined && { [privateClaim]: { uid, ...(pod && { pod }) } }) }
    const token = await signToken({ kid: this.#kid, key: this.#key }, claims)
    return { token, expirationTimestamp: rfc3339(exp * 1000) }
  }

  /** Whose a token is; whether he is still in good standing is for `Identities`. Rejects with `Unauthorized` or `Expired`. */
  async verify(token: string, nowMs: number): Promise<TokenHolder> {
    const claims = await verifyToken(token, { keys: this.#keys, iss: this.#issuer, aud: ownAudience, nowMs })
    const identity = parseUsername(claims.sub)
    if (identity?.kind !== 'user' && identity?.kind !== 'serviceAccount') {
      throw new CodedError('Unauthorized', 'cannot take the token: because it is for nobody who may have one')
    }
    const { uid, pod } = readPrivate(claims[privateClaim])
    const proof: Proof = {
      ...{ by: 'token', issuedMs: claims.iat * 1000 },
      ...(uid !== undefined && { uid }),
      ...(pod !== undefined && { pod }),
    }
    return { identity, proof, expiresMs: claims.exp * 1000 }
  }
}

/** Signed by us, and still read with care: an older master may have written it otherwise. */
function readPrivate(value: unknown): { uid?: string; pod?: { name: string; uid: string } } {
  if (value === undefined) return {}
  const { uid, pod } = asRecord(value)
  if (typeof uid !== 'string') throw new CodedError('Unauthorized', 'cannot take the token: because it names no uid')
  if (pod === undefined) return { uid }
  const { name, uid: podUid } = asRecord(pod)
  if (typeof name === 'string' && typeof podUid === 'string') return { uid, pod: { name, uid: podUid } }
  throw new CodedError('Unauthorized', 'cannot take the token: because its pod cannot be read')
}
