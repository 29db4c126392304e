/** Why there is no connection to a broker, in words, and as a kind that programs branch on. */
import { messageOf } from '../errors.ts'

export interface ConnectionFailure {
  /**
   * `untrusted`: the broker is not who it should be. `refused`: it knows who we are, or wants to, and says no.
   * `taken`: another has our place. `ended`: it is not there, or no longer.
   */
  kind: 'untrusted' | 'refused' | 'taken' | 'ended'
  /** For people. */
  reason: string
}

/** What the check of the peer's certificate found. */
export class UntrustedPeer extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause), { cause })
  }
}

/** CONNACK return codes of MQTT 3.1.1 (3.2.2.3). It has no room for more of a reason. */
const refusals: Record<number, string> = {
  4: 'the broker refuses us: wrong user name or password',
  5: 'the broker refuses us: not authorized (revoked, run out, or unknown there)',
}

/** Another return code: our client id, or our identity, belongs to somebody who is there. */
const identifierRejected = 2

/** The alerts of a peer that does not like our certificate. What OpenSSL writes before them changes with its version. */
const alertShape = /_ALERT_([A-Z_]+)$/
const alerts: Record<string, string> = {
  CERTIFICATE_EXPIRED: 'our certificate has run out, says the broker',
  CERTIFICATE_REVOKED: 'our certificate was revoked, says the broker',
  CERTIFICATE_UNKNOWN: 'the broker does not accept our certificate',
  BAD_CERTIFICATE: 'the broker does not accept our certificate',
  UNKNOWN_CA: "the broker does not know our certificate's CA",
  CERTIFICATE_REQUIRED: 'the broker wants a certificate of ours, and there is none',
}

/** What Node's check of the broker's certificate finds, for those who leave it to Node. */
const doubts: Record<string, string> = {
  CERT_HAS_EXPIRED: "the broker's certificate has run out, by this machine's clock",
  CERT_NOT_YET_VALID: "the broker's certificate is not valid yet, by this machine's clock",
  SELF_SIGNED_CERT_IN_CHAIN: "the broker's certificate is not of our CA",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the broker's certificate is not of our CA",
  UNABLE_TO_GET_ISSUER_CERT: "the broker's certificate is not of our CA",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the broker's certificate is not of our CA",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the broker's certificate is not of our CA",
  CERT_SIGNATURE_FAILURE: "the broker's certificate is not of our CA",
  INVALID_PURPOSE: "the broker's certificate is not for a server",
  ERR_TLS_CERT_ALTNAME_INVALID: "the broker's certificate is for other names",
}

/** A plain port that hears TLS, or the other way round. */
const noTls = ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'ERR_SSL_HTTP_REQUEST']

export function failureOf(error: unknown): ConnectionFailure {
  if (error instanceof UntrustedPeer) return { kind: 'untrusted', reason: error.message }
  const { code } = (error ?? {}) as { code?: unknown }
  const refusal = typeof code === 'number' ? refusals[code] : undefined
  if (refusal !== undefined) return { kind: 'refused', reason: refusal }
  if (code === identifierRejected) return { kind: 'taken', reason: 'the broker has another client in our place' }
  if (typeof code !== 'string') return { kind: 'ended', reason: messageOf(error) }
  const [, alert = ''] = alertShape.exec(code) ?? []
  if (Object.hasOwn(alerts, alert)) return { kind: 'refused', reason: alerts[alert] as string }
  if (Object.hasOwn(doubts, code)) return { kind: 'untrusted', reason: doubts[code] as string }
  if (noTls.includes(code)) return { kind: 'ended', reason: 'what answers there does not speak TLS' }
  // `ECONNREFUSED` says more than "connect ECONNREFUSED 127.0.0.1:1883" beside the address; an AggregateError has no text at all.
  return { kind: 'ended', reason: code }
}
