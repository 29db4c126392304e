/** What nobody may write although he may write objects of the kind: rights beyond his own, and what is the master's to say. */
import type { Kind } from '../../contract/resources/kinds.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import {
  type ClusterRole,
  type ClusterRoleBinding,
  type PolicyRule,
  type RoleBinding,
  rbacGroup,
} from '../../contract/resources/rbac.ts'
import { flotillaGroup, type NodeIdentity, type User } from '../../contract/resources/trust.ts'
import { type Clock, timestamp } from '../../kit/clock.ts'
import { everything, everyUrl, findUncovered, rulesIn } from '../authorization/escalation.ts'
import { describeRule } from '../authorization/rules.ts'
import { sameJson } from '../store/same-json.ts'
import { attributesAt } from './attributes.ts'
import type { Permit } from './authorize.ts'
import { demandStandIn, maxToldRules } from './demands.ts'
import { forbidden, resourceName } from './refusals.ts'

interface Written {
  kind: Kind
  object: AnyObject
  /** Undefined when it is new. */
  current: AnyObject | undefined
}

type Guard = (permit: Permit, written: Written) => void

/** Keys: `<plural>.<group>`. */
const guards: Record<string, Guard> = {
  [`roles.${rbacGroup}`]: guardRole,
  [`clusterroles.${rbacGroup}`]: guardRole,
  [`rolebindings.${rbacGroup}`]: guardBinding,
  [`clusterrolebindings.${rbacGroup}`]: guardBinding,
  [`users.${flotillaGroup}`]: guardUser,
  [`nodeidentities.${flotillaGroup}`]: guardNodeIdentity,
  [`jointokens.${flotillaGroup}`]: guardStatus,
}

/** Throws `Forbidden`. */
export function guardTrust(permit: Permit, written: Written): void {
  const guard = guards[resourceName(written.kind)]
  if (guard && !isCleaningUp(written)) guard(permit, written)
}

/** What the garbage collector's work needs grants nobody anything. */
function isCleaningUp({ object, current }: Written): boolean {
  return current !== undefined && sameJson(withoutEnds(object), withoutEnds(current))
}

function withoutEnds(object: AnyObject): unknown {
  const { ownerReferences: _owners, finalizers: _finalizers, ...metadata } = object.metadata
  return { ...object, metadata }
}

function guardRole(permit: Permit, { kind, object, current }: Written): void {
  const { namespace, name } = object.metadata
  if (permit.decide(attributesAt('escalate', { kind, namespace }, name)).allowed) return
  const { rules = [], aggregationRule } = object as AnyObject & ClusterRole
  // Whatever it gathers, now and later, is the role's: only who has everything has that.
  const gathers = aggregationRule !== undefined || current?.['aggregationRule'] !== undefined
  demandRules(permit, { kind, object }, gathers ? [...rules, everything, everyUrl] : rules)
}

function guardBinding(permit: Permit, { kind, object }: Written): void {
  const { roleRef } = object as AnyObject & (RoleBinding | ClusterRoleBinding)
  const { namespace, name } = object.metadata
  const resource = roleRef.kind === 'Role' ? 'roles' : 'clusterroles'
  const inside = namespace === undefined ? {} : { namespace }
  if (permit.decide({ verb: 'bind', group: rbacGroup, resource, name: roleRef.name, ...inside }).allowed) return
  const rules = permit.rights.book.rulesOf(roleRef, namespace)
  if (!rules)
    throw forbidden(kind, name, `there is no ${roleRef.kind} "${roleRef.name}" whose rights could be compared`)
  demandRules(permit, { kind, object }, rules)
}

function demandRules(permit: Permit, { kind, object }: Omit<Written, 'current'>, rules: readonly PolicyRule[]): void {
  const { asker, rights } = permit
  const { namespace, name } = object.metadata
  const missing = findUncovered(rulesIn(rights.book, asker, namespace), rules)
  if (missing.length === 0) return
  const who = `user "${asker.username}" (groups=${JSON.stringify(asker.groups)})`
  const wanting = missing.slice(0, maxToldRules).map(describeRule).join('\n')
  throw forbidden(kind, name, `${who} is attempting to grant RBAC permissions not currently held:\n${wanting}`)
}

/** Who brings somebody into a group, or back after being cut off, gives away what comes with it. */
function guardUser(permit: Permit, written: Written): void {
  guardStatus(permit, written)
  const user = written.object as AnyObject & User
  const before = written.current as (AnyObject & User) | undefined
  const groups = (user.spec.groups ?? []).filter(group => !before?.spec.groups?.includes(group))
  if (groups.length > 0) demandStandIn(permit, { username: '', groups })
  if (before ? isLetInAgain(user, before) : user.spec.validAfter !== undefined)
    demandStandIn(permit, permit.askerFor({ kind: 'user', name: user.metadata.name }))
}

/** A new user is somebody new: certificates of one who had the name before are worth nothing. */
export function stampUser(object: AnyObject, clock: Clock): AnyObject {
  const { spec } = object
  return spec?.['validAfter'] === undefined ? { ...object, spec: { ...spec, validAfter: timestamp(clock) } } : object
}

function isLetInAgain({ spec }: User, { spec: before }: User): boolean {
  const since = ({ validAfter }: User['spec']): number => (validAfter === undefined ? 0 : Date.parse(validAfter))
  return (before.revoked === true && spec.revoked !== true) || since(spec) < since(before)
}

/** A node is whom the master let in by a token: an API that could write its key would be another way in. */
function guardNodeIdentity(permit: Permit, written: Written): void {
  const { kind, object, current } = written
  const { name } = object.metadata
  if (!current) throw forbidden(kind, name, 'a board becomes a node by joining: only the master writes who it is')
  guardStatus(permit, written)
  const { spec } = object as AnyObject & NodeIdentity
  const { spec: before } = current as AnyObject & NodeIdentity
  if (spec.publicKey !== before.publicKey) throw forbidden(kind, name, 'only joining gives a node another key')
  if (before.revoked === true && spec.revoked !== true)
    throw forbidden(kind, name, 'a node is cut off for good: let the board join again')
}

function guardStatus(_permit: Permit, { kind, object, current }: Written): void {
  if (sameJson(object.status ?? {}, current?.status ?? {})) return
  throw forbidden(kind, object.metadata.name, 'only the master writes its status')
}
