/** How a board becomes a node: the line that a person pastes, and what is said on the join topics. */
import { CodedError } from '../../kit/errors.ts'
import { checkLabelName } from '../resources/names.ts'

/** What `flotilla token create` prints and `flotilla join` takes: where to go, what to show there, and whom to believe. */
export interface JoinTicket {
  cluster: string
  /** Host, or IPv6 address in brackets, with its port: tried in this order. */
  addresses: string[]
  token: JoinToken
  /** SHA-256 of the cluster's CA certificate (DER), hexadecimal. */
  caFingerprint: string
}

/** `<id>.<secret>`: the id is the name of the JoinToken object, the secret is stored nowhere but as its SHA-256. */
export interface JoinToken {
  id: string
  secret: string
}

/** A first certificate for a board, by its token; or a new one for a node that was off when its own ran out. */
export type JoinRequest =
  | { type: 'join'; token: string; name: string; csr: string }
  | {
      type: 'renew'
      /** PEM of the certificate that has run out. */
      certificate: string
      /** When it was asked, ms since 1970 by the master's clock, and the signature over `renewalText` with the old key, base64. */
      nonce: string
      signature: string
    }
  /** What the `renew` must sign, so that a recorded one is worth nothing. */
  | { type: 'nonce' }

export type JoinReply =
  | {
      /** PEM. */
      certificate: string
      ca: string
      /** Where to speak mTLS from now on: URLs of the broker. */
      servers: string[]
      /** By the master's clock, RFC 3339: for boards that think it is 1970. */
      time: string
    }
  | { nonce: string }

export const renewalText = (cluster: string, nonce: string): string => `flotilla renewal ${cluster} ${nonce}`

/** Larger than any CSR, and small enough for whoever may send it unknown. */
export const maxJoinBytes = 16 * 1024

/** What a master is on its LAN (RFC 6763). Its texts: `cluster`, and `ca`, the fingerprint: whoever finds it there believes it by that alone. */
export const mdnsServiceType = '_flotilla._tcp'

const maxTicketLength = 1024
const maxAddresses = 8
const idShape = /^[a-z0-9]{6}$/
const secretShape = /^[a-z0-9]{26}$/
const fingerprintShape = /^[0-9a-f]{64}$/
const addressShape = /^([A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\]):([1-9]\d{0,4})$/
const ticketShape = /^flotilla:\/\/([^@/?#]+)@([^@/?#]+)\/([^@/?#]+)\?ca=sha256:([^@/?#&]+)$/

/** `flotilla://<id>.<secret>@<host>:<port>[,…]/<cluster>?ca=sha256:<fingerprint>`: one line, no spaces. */
export function formatTicket({ cluster, addresses, token, caFingerprint }: JoinTicket): string {
  return `flotilla://${formatToken(token)}@${addresses.join(',')}/${cluster}?ca=sha256:${caFingerprint}`
}

/** Throws `BadRequest`; its message never holds the secret. */
export function parseTicket(text: string): JoinTicket {
  const line = text.trim()
  const bad = (reason: string): CodedError =>
    new CodedError(
      'BadRequest',
      `cannot read the join line: because ${reason}. Paste all of what "flotilla token create" printed`,
    )
  if (line.length > maxTicketLength) throw bad(`it is longer than ${maxTicketLength} characters`)
  const [, token = '', hosts = '', cluster = '', caFingerprint = ''] = ticketShape.exec(line) ?? []
  if (token === '') throw bad('it does not look like flotilla://TOKEN@HOST:PORT/CLUSTER?ca=sha256:FINGERPRINT')
  const addresses = hosts.split(',')
  if (addresses.length > maxAddresses) throw bad(`it has more than ${maxAddresses} addresses`)
  if (!addresses.every(isMasterAddress)) throw bad('an address in it is not HOST:PORT')
  const problem = checkLabelName(cluster)
  if (problem !== undefined) throw bad(`the name of its cluster is wrong: ${problem}`)
  if (!fingerprintShape.test(caFingerprint)) throw bad('the fingerprint of its CA is not 64 hexadecimal digits')
  const parsed = parseToken(token)
  if (parsed === undefined) throw bad('its token is not whole')
  return { cluster, addresses, token: parsed, caFingerprint }
}

export function formatToken({ id, secret }: JoinToken): string {
  return `${id}.${secret}`
}

/** Undefined when it is none. */
export function parseToken(text: string): JoinToken | undefined {
  const [id = '', secret = '', ...rest] = text.split('.')
  return rest.length === 0 && idShape.test(id) && secretShape.test(secret) ? { id, secret } : undefined
}

/** `HOST:PORT`; an IPv6 address in brackets. */
export function isMasterAddress(text: string): boolean {
  const [, , port = ''] = addressShape.exec(text) ?? []
  return port !== '' && Number(port) <= 65_535
}
