/** The Policy port: who it is that connects. What each may say and hear is the table of contract/wire/access.ts. */
import type { Identity } from '../../contract/wire/identity.ts'

/** What a broker knows of a connection when its CONNECT arrives. */
export interface ConnectionFacts {
  clientId: string
  /** Of the peer, for the log and for Events. */
  address: string
  /** `inProcess`: the master's own connection, which never touched a wire. `plain`: on loopback only. */
  transport: 'tls' | 'plain' | 'inProcess'
  /** The peer's certificate (DER), with what TLS found wrong with it, such as `CERT_HAS_EXPIRED`. */
  certificate: { raw: Buffer; problem: string | undefined } | undefined
  username: string | undefined
  password: Buffer | undefined
}

/** One word for counters and Events. */
export type RefusalReason =
  // Who connects.
  | 'certificate-expired'
  | 'certificate-revoked'
  | 'certificate-invalid'
  | 'bad-token'
  | 'unknown-identity'
  | 'not-admitted'
  | 'client-id'
  | 'revoked'
  | 'twin'
  // What it says.
  | 'topic'
  | 'will'
  | 'retain'
  | 'subscription'
  | 'malformed'
  | 'too-large'
  | 'tls'
  | 'renegotiation'
  // How much of it.
  | 'rate'
  | 'too-slow'
  | 'too-many-connections'
  | 'too-many-subscriptions'
  | 'too-many-retained'

export interface Unwelcome {
  reason: RefusalReason
  /** For people; holds no secret. */
  text: string
}

export type Admission =
  | {
      identity: Identity
      /** Why it would be refused if it came now: asked again when something was revoked. */
      stillWelcome: () => Unwelcome | undefined
    }
  /** `refused` is for people, and holds no secret; `identity`: whom it claims to be, for the Event. */
  | { refused: string; identity?: Identity; reason?: RefusalReason }

export interface Policy {
  /**
   * A rejection means no, too. Whoever shows a certificate with a problem is admitted as `joining` at most, whatever the
   * answer.
   */
  admit(connection: ConnectionFacts): Promise<Admission>
}
