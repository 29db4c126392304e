/** Rules of flotilla.dev/v1: JoinToken, NodeIdentity, User. Hashes and keys are never repeated: a token itself may stand there by mistake. */
import { createPublicKey } from 'node:crypto'
import { checkNodeName, checkUserName, maxUsernameLength } from '../wire/identity.ts'
import { checkLabelName, type NameRule, quote } from './names.ts'
import { at, checkName, checkRange, checkUnique, type Place, report } from './place.ts'
import type { JoinToken, NodeIdentity, User } from './trust.ts'

/** More boards than join by one line. */
const maxUses = 10_000
const maxGroups = 32
/** X.509 keeps the name of an organization to 64 characters (RFC 5280, ub-organization-name): a group stands in one. */
const maxGroupLength = 64
const hashShape = /^[0-9a-f]{64}$/
/** As the id of a token in join.ts. */
const tokenIdShape = /^[a-z0-9]{6}$/
/** Printable ASCII without what separates names in a certificate's subject. */
const groupShape = /^[A-Za-z0-9]([A-Za-z0-9:._@/-]*[A-Za-z0-9])?$/
/** Of the groups of the cluster itself, the one that people may be put into; the others follow from who somebody is. */
const mastersGroup = 'system:masters'

/** Names that nobody could have as an identity make no objects either. */
export const trustNameRules: Record<string, NameRule> = {
  JoinToken: name => (tokenIdShape.test(name) ? undefined : 'must be six lower-case letters or digits'),
  NodeIdentity: checkNodeName,
  User: checkUserName,
}

export function validateJoinToken({ spec }: JoinToken, place: Place): void {
  const inside = at(place, 'spec')
  if (!hashShape.test(spec.tokenHash)) report(at(inside, 'tokenHash'), 'must be a SHA-256: 64 hexadecimal digits')
  checkRange(at(inside, 'uses'), spec.uses, { min: 1, max: maxUses })
  if (spec.nodeName !== undefined) checkName(at(inside, 'nodeName'), spec.nodeName, checkNodeName)
}

export function validateNodeIdentity({ spec }: NodeIdentity, place: Place): void {
  if (isNodeKey(spec.publicKey)) return
  report(at(place, 'spec', 'publicKey'), 'must be a P-256 public key: SPKI in DER, in base64')
}

export function validateUser({ metadata, spec }: User, place: Place): void {
  const groups = at(place, 'spec', 'groups')
  const names = spec.groups ?? []
  if (names.length > maxGroups) report(groups, `must be at most ${maxGroups}, not ${names.length}`)
  for (const [index, name] of names.entries()) checkName(at(groups, index), name, checkGroupName)
  checkUnique(names.map((key, index) => ({ key, place: at(groups, index) })))
  if (spec.tool !== true) return
  if (names.length > 0) report(groups, 'must be left out for a tool: it only hears which boards are there')
  const problem = checkToolName(metadata.name)
  if (problem !== undefined) report(at(place, 'metadata', 'name'), problem)
}

/** `revoked` is for good: only another key lets the name in again. */
export function checkNodeIdentityChange({ spec }: NodeIdentity, { spec: before }: NodeIdentity, place: Place): void {
  if (before.revoked !== true || spec.revoked === true || spec.publicKey !== before.publicKey) return
  report(at(place, 'spec', 'revoked'), 'cannot be taken back for this key: let the board join again with a new token')
}

/** It follows `system:tool:` in a certificate's common name. */
function checkToolName(name: string): string | undefined {
  const max = maxUsernameLength - 'system:tool:'.length
  return name.length > max
    ? `is ${name.length} characters long: the name of a tool has at most ${max}`
    : checkLabelName(name)
}

function checkGroupName(name: string): string | undefined {
  if (name === mastersGroup) return undefined
  if (name.startsWith('system:'))
    return `${quote(name)} is kept for the cluster itself: of those only ${mastersGroup} can be given`
  if (name.length > maxGroupLength)
    return `${quote(name)} is ${name.length} characters long: use at most ${maxGroupLength}`
  const allowed = 'use letters, digits and "-", "_", ".", ":", "@", "/" between them'
  return groupShape.test(name) ? undefined : `${quote(name)} is not allowed: ${allowed}`
}

function isNodeKey(text: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), type: 'spki', format: 'der' })
    return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false
  }
}
