/** What must hold before a verb is run: one demand of RBAC each, but for the verbs by which one speaks for somebody. */
import { quote } from '../../contract/resources/names.ts'
import type { ApiRequest, ReviewAttributes } from '../../contract/wire/api.ts'
import { parseUsername } from '../../contract/wire/identity.ts'
import { CodedError } from '../../kit/errors.ts'
import { type Asker, authenticatedGroup, isMaster } from '../authorization/asker.ts'
import { nodeOf } from '../authorization/decide.ts'
import { findMissing } from '../authorization/escalation.ts'
import { mayHaveToken } from '../authorization/node-rights.ts'
import { describeRule } from '../authorization/rules.ts'
import type { Permit } from './authorize.ts'
import { badRequest, forbiddenTo } from './refusals.ts'
import type { RequestOf, Verb } from './room.ts'

interface Parts {
  permit: Permit
  attributes: ReviewAttributes
}

/** Verbs for which the attributes alone are not the whole question. */
const ownDemands: { [V in Verb]?: (parts: Parts, request: RequestOf<V>) => void } = {
  sign: demandSign,
  token: demandToken,
}

/** Throws `Forbidden`. `attributes`: of the request; undefined for what everybody may. */
export function demandAll(permit: Permit, attributes: ReviewAttributes | undefined, request: ApiRequest): void {
  if (attributes === undefined) return
  // The table pairs each verb with its request; the compiler cannot follow the pair through an index.
  const own = ownDemands[request.verb] as ((parts: Parts, request: ApiRequest) => void) | undefined
  if (own) own({ permit, attributes }, request)
  else permit.demand(attributes)
}

/** Oneself, always. A node's key is its own: nobody else has any use for its certificate, or may have one. */
function demandSign({ permit, attributes }: Parts): void {
  const { identity } = permit
  const { resource, name } = attributes
  if (resource === 'nodeidentities' || resource === 'nodes') {
    if (identity.kind !== 'node' || identity.name !== name) throw forbiddenTo(permit.asker, attributes)
    return
  }
  if (resource === 'users' && identity.kind === 'user' && identity.name === name) return
  permit.demand(attributes)
  if (resource === 'users') demandStandIn(permit, permit.askerFor({ kind: 'user', name: name ?? '' }))
}

/**
 * For service accounts as in Kubernetes: whoever may ask for a token, or make a pod, has what the account has. For users the
 * asker must have it already.
 */
function demandToken({ permit, attributes }: Parts, { pod }: RequestOf<'token'>): void {
  const { resource, namespace = '', name = '' } = attributes
  const node = nodeOf(permit.asker)
  if (resource === 'serviceaccounts' && node !== undefined) {
    if (mayHaveToken(permit.rights.nodes, node, { namespace, serviceAccount: name, pod })) return
    throw forbiddenTo(permit.asker, attributes)
  }
  permit.demand(attributes)
  if (resource === 'users') demandStandIn(permit, permit.askerFor({ kind: 'user', name }))
}

/** May the asker act as the target? Who can do all that the target can, or may impersonate it by name and groups. */
export function demandStandIn(permit: Permit, target: Asker): void {
  const { asker, rights } = permit
  demandSystemGroups(permit, target.groups)
  const missing = findMissing(rights.book, asker, target)
  if (missing.length === 0 || mayImpersonate(permit, target)) return
  const wanting = missing.slice(0, maxToldRules).map(describeRule).join('\n')
  const who = target.username === '' ? `groups ${JSON.stringify(target.groups)}` : `user "${target.username}"`
  const why = `attempting to act for ${who}, with RBAC permissions not currently held:\n${wanting}`
  throw new CodedError('Forbidden', `User "${asker.username}" is ${why}`)
}

/** More are not told: the message has its limit. */
export const maxToldRules = 10

/** Into a group of the cluster's own only its members bring others; not even the right to impersonate leads there. */
function demandSystemGroups({ asker }: Permit, groups: readonly string[]): void {
  const foreign = groups.filter(group => group.startsWith('system:') && !asker.groups.includes(group))
  if (foreign.length === 0 || isMaster(asker)) return
  throw new CodedError(
    'Forbidden',
    `User "${asker.username}" is not in group "${foreign[0]}", and cannot act for its members`,
  )
}

function mayImpersonate(permit: Permit, { username, groups }: Asker): boolean {
  const people = username === '' ? [] : [impersonateUser(username)]
  const demands = [...people, ...groups.filter(group => group !== authenticatedGroup).map(impersonateGroup)]
  return demands.length > 0 && demands.every(attributes => permit.decide(attributes).allowed)
}

function impersonateUser(username: string): ReviewAttributes {
  const identity = parseUsername(username)
  if (identity?.kind !== 'serviceAccount') return { verb: 'impersonate', group: '', resource: 'users', name: username }
  const { namespace, name } = identity
  return { verb: 'impersonate', group: '', resource: 'serviceaccounts', namespace, name }
}

function impersonateGroup(name: string): ReviewAttributes {
  return { verb: 'impersonate', group: '', resource: 'groups', name }
}

/** Whom a review is about: the asker, or the one that he may stand in for. Throws `Forbidden`. */
export function readStandIn(permit: Permit, { as, asGroups }: { as?: string; asGroups?: string[] }): Asker {
  if (as === undefined && (asGroups ?? []).length > 0)
    throw badRequest('cannot stand in for a group: because no user is named')
  if (as === undefined) return permit.asker
  const identity = parseUsername(as)
  if (!identity) throw badRequest(`cannot stand in for ${quote(as)}: because nobody can have this name`)
  permit.demand(impersonateUser(as))
  for (const group of asGroups ?? []) permit.demand(impersonateGroup(group))
  const asker = permit.askerFor(identity)
  return asGroups === undefined ? asker : { ...asker, groups: [...new Set([...asGroups, authenticatedGroup])] }
}
