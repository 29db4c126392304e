/** Whether a board may join: pure, so that each refusal is a line of a table. */
import type { JoinToken, NodeIdentity } from '../../contract/resources/trust.ts'
import type { ErrorCode } from '../../kit/errors.ts'

export interface JoinFacts {
  name: string
  /** SPKI in DER, base64, of the key that the board has proven. */
  publicKey: string
  /** SHA-256 of it, hexadecimal. */
  publicKeyHash: string
  /** The token, already compared with what the board has shown. */
  token: JoinToken
  /** Who has the name now. */
  holder: NodeIdentity | undefined
  /** The holder's board is heard, or was a moment ago. */
  holderIsLiving: boolean
  nowMs: number
}

export type JoinDecision =
  /** `again`: the answer to the same question was lost; nothing is used up. */
  { type: 'join'; again: boolean } | { type: 'refuse'; code: ErrorCode; why: string }

export function decideJoin(facts: JoinFacts): JoinDecision {
  const { name, publicKey, publicKeyHash, token, holder, nowMs } = facts
  const { nodeName, expirationTimestamp, uses } = token.spec
  const used = token.status?.used ?? []
  if (nodeName !== undefined && nodeName !== name) return refuse('Forbidden', `the token is for ${nodeName} alone`)
  const isHolder = holder?.spec.publicKey === publicKey
  const isKnown = used.some(use => use.nodeName === name && use.publicKeyHash === publicKeyHash)
  // Also when the token has run out since: the board has what it gives, but for the answer.
  if (isHolder && isKnown && !holder.spec.revoked) return { type: 'join', again: true }
  // A time that cannot be read is over.
  if (!(Date.parse(expirationTimestamp) > nowMs))
    return refuse('Expired', `the token has run out at ${expirationTimestamp}. ${newToken()}`)
  if (used.length >= uses) return refuse('Forbidden', `the token is used up (by ${listNames(used)}). ${newToken()}`)
  const taken = holder && whyTaken({ ...facts, holder })
  return taken ?? { type: 'join', again: false }
}

/** Why the name is not free; undefined when this board may have it. */
function whyTaken(facts: JoinFacts & { holder: NodeIdentity }): JoinDecision | undefined {
  const { name, publicKey, token, holder, holderIsLiving } = facts
  const isSameKey = holder.spec.publicKey === publicKey
  const isBound = token.spec.nodeName === name
  if (holder.spec.revoked) {
    if (isSameKey) return refuse('Forbidden', `the key of ${name} was revoked: delete it on the board, then join anew`)
    if (isBound && isNewer(token, holder)) return undefined
    return refuse('Forbidden', `${name} was revoked. To let the name in again: ${boundToken(name)}`)
  }
  if (isSameKey) return undefined
  if (holderIsLiving) {
    const why = `a living board has the name ${name} already. Two cards cloned from one image? Give this one another name`
    return refuse('AlreadyExists', why)
  }
  if (isBound) return undefined
  return refuse(
    'AlreadyExists',
    `a board that is silent now has the name ${name}. If this one takes its place: ${boundToken(name)}`,
  )
}

/** By the store's revisions, which no clock moves: of the token's last change, and of the one that revoked. */
function isNewer(token: JoinToken, holder: NodeIdentity): boolean {
  return Number(token.metadata.resourceVersion) > Number(holder.metadata.resourceVersion)
}

function listNames(used: Array<{ nodeName: string }>): string {
  const names = used.map(({ nodeName }) => nodeName)
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and others` : names.join(', ')
}

const newToken = (): string => 'Make another: flotilla token create'
const boundToken = (name: string): string => `flotilla token create --node ${name}`

function refuse(code: ErrorCode, why: string): JoinDecision {
  return { type: 'refuse', code, why }
}
