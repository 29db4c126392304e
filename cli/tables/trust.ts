/** Who belongs to the cluster: join tokens, the identities of nodes, users. */
import type { JoinToken, NodeIdentity, User } from '../../contract/resources/trust.ts'
import { formatAge, formatDuration } from '../durations.ts'
import { ageColumn, nameColumn } from './common.ts'
import { type Column, none, orNone } from './table-kind.ts'

export const joinTokenColumns: Column<JoinToken>[] = [
  nameColumn('ID'),
  { title: 'NODE', cell: ({ spec }) => spec.nodeName ?? '<any>' },
  { title: 'USES-LEFT', cell: token => String(usesLeft(token)) },
  { title: 'EXPIRES', cell: ({ spec }, { nowMs }) => formatExpiry(spec.expirationTimestamp, nowMs) },
  { title: 'STATE', cell: (token, { nowMs }) => joinTokenState(token, nowMs) },
  { title: 'USED-BY', wide: true, cell: ({ status }) => orNone(status?.used?.map(use => use.nodeName).join(',')) },
]

export const nodeIdentityColumns: Column<NodeIdentity>[] = [
  nameColumn(),
  { title: 'STATE', cell: ({ spec, status }, { nowMs }) => identityState(spec.revoked, status?.notAfter, nowMs) },
  { title: 'EXPIRES', cell: certificateExpiry },
  { title: 'JOINED', cell: ({ status }, { nowMs }) => formatAge(status?.joinedAt, nowMs) },
  { title: 'SERIAL', wide: true, cuttable: true, cell: ({ status }) => orNone(status?.serialNumber) },
]

export const userColumns: Column<User>[] = [
  nameColumn(),
  { title: 'KIND', cell: ({ spec }) => (spec.tool ? 'Tool' : 'User') },
  { title: 'GROUPS', cell: ({ spec }) => orNone(spec.groups?.join(',')) },
  { title: 'STATE', cell: ({ spec, status }, { nowMs }) => identityState(spec.revoked, status?.notAfter, nowMs) },
  { title: 'EXPIRES', cell: certificateExpiry },
  ageColumn(),
  { title: 'SERIAL', wide: true, cuttable: true, cell: ({ status }) => orNone(status?.serialNumber) },
]

export function usesLeft({ spec, status }: JoinToken): number {
  return Math.max(0, spec.uses - (status?.used?.length ?? 0))
}

export function joinTokenState(token: JoinToken, nowMs: number): 'Valid' | 'Expired' | 'Used' {
  if (usesLeft(token) === 0) return 'Used'
  return Date.parse(token.spec.expirationTimestamp) <= nowMs ? 'Expired' : 'Valid'
}

/** `Expired` is of the newest certificate; one who has only tokens has none. */
function identityState(revoked: boolean | undefined, notAfter: string | undefined, nowMs: number): string {
  if (revoked) return 'Revoked'
  return notAfter !== undefined && Date.parse(notAfter) <= nowMs ? 'Expired' : 'Valid'
}

/** What was revoked counts no more, whatever its certificate says. */
function certificateExpiry({ spec, status }: NodeIdentity | User, { nowMs }: { nowMs: number }): string {
  return spec.revoked ? none : formatExpiry(status?.notAfter, nowMs)
}

/** `in 59m`, `5m ago`. */
export function formatExpiry(timestamp: string | undefined, nowMs: number): string {
  const then = timestamp === undefined ? Number.NaN : Date.parse(timestamp)
  if (Number.isNaN(then)) return none
  return then > nowMs ? `in ${formatDuration(then - nowMs)}` : `${formatDuration(nowMs - then)} ago`
}
