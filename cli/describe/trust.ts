/** Join tokens, identities of nodes, users: what they are good for, and until when. */
import type { JoinToken, NodeIdentity, User } from '../../contract/resources/trust.ts'
import { formatExpiry, joinTokenState, usesLeft } from '../tables/trust.ts'
import { headOf } from './common.ts'
import type { Field, Value } from './page.ts'

export function describeJoinToken(token: JoinToken, nowMs: number): Field[] {
  const { spec, status } = token
  const used = (status?.used ?? []).map(({ nodeName, time }) => [nodeName, time])
  return [
    ...headOf(token),
    ['State', joinTokenState(token, nowMs)],
    ['Node', spec.nodeName ?? '<any>'],
    ['Uses left', `${usesLeft(token)} of ${spec.uses}`],
    ['Expires', timeAndExpiry(spec.expirationTimestamp, nowMs)],
    ['Used by', used.length === 0 ? '<nobody>' : { rows: [['Node', 'Time'], ...used] }],
  ]
}

export function describeNodeIdentity(identity: NodeIdentity, nowMs: number): Field[] {
  const { spec, status } = identity
  return [
    ...headOf(identity),
    ['Revoked', String(spec.revoked ?? false)],
    ['Joined', status?.joinedAt],
    ['Public key', spec.publicKey],
    ['Certificate', certificateOf(status, nowMs)],
  ]
}

export function describeUser(user: User, nowMs: number): Field[] {
  const { spec, status } = user
  return [
    ...headOf(user),
    ['Kind', spec.tool ? 'Tool' : 'User'],
    ['Groups', spec.groups?.length ? spec.groups : '<none>'],
    ['Revoked', String(spec.revoked ?? false)],
    ['Valid after', spec.validAfter],
    ['Certificate', certificateOf(status, nowMs)],
  ]
}

function certificateOf(status: { serialNumber?: string; notAfter?: string } | undefined, nowMs: number): Value {
  if (status?.notAfter === undefined) return '<none>'
  return [
    ['Serial', status.serialNumber],
    ['Expires', timeAndExpiry(status.notAfter, nowMs)],
  ]
}

function timeAndExpiry(timestamp: string, nowMs: number): string {
  return `${timestamp} (${formatExpiry(timestamp, nowMs)})`
}
