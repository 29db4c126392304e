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

export type Admission =
  | {
      identity: Identity
      /** Why it would be refused if it came now: asked again when something was revoked. */
      stillWelcome: () => string | undefined
    }
  /** `identity`: whom it claims to be, for the Event. `reason` for people; it holds no secret. */
  | { refused: string; identity?: Identity }

export interface Policy {
  /** A rejection means no, too. */
  admit(connection: ConnectionFacts): Promise<Admission>
}
