/** Rules of RBAC's kinds (Kubernetes' `pkg/apis/rbac/validation`). */
import { checkSubdomainName, type NameRule, quote } from './names.ts'
import { at, checkName, checkOneOf, type Place, report } from './place.ts'
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject } from './rbac.ts'
import { rbacGroup } from './rbac.ts'

const maxNameLength = 253

/** Names of roles and bindings may be anything that can stand in a URL: `system:basic-user`. */
const checkPathSegment: NameRule = text => {
  if (text === '.' || text === '..') return `${quote(text)} is not allowed: it means a folder`
  if (text.length > maxNameLength) return `is ${text.length} characters long: use at most ${maxNameLength}`
  if (/[/%\s]/.test(text)) return `${quote(text)} is not allowed: use a name without "/", "%" and spaces`
  return text === '' ? 'must not be empty' : undefined
}

export const rbacNameRules: Record<string, NameRule> = {
  Role: checkPathSegment,
  ClusterRole: checkPathSegment,
  RoleBinding: checkPathSegment,
  ClusterRoleBinding: checkPathSegment,
}

export function validateRole({ rules = [] }: Role, place: Place): void {
  for (const [index, rule] of rules.entries()) {
    const inside = at(place, 'rules', index)
    validateRule(rule, inside)
    if (rule.nonResourceURLs && rule.nonResourceURLs.length > 0)
      report(at(inside, 'nonResourceURLs'), 'must be left out: a Role is about what is in its namespace')
  }
}

export function validateClusterRole({ rules = [] }: ClusterRole, place: Place): void {
  for (const [index, rule] of rules.entries()) validateRule(rule, at(place, 'rules', index))
}

function validateRule(
  { verbs, apiGroups = [], resources = [], nonResourceURLs = [], ...rest }: PolicyRule,
  place: Place,
): void {
  if (verbs.length === 0) report(at(place, 'verbs'), 'is required: name what may be done, such as get')
  if (nonResourceURLs.length > 0) {
    const mixed = apiGroups.length + resources.length + (rest.resourceNames ?? []).length > 0
    if (mixed) report(at(place, 'nonResourceURLs'), 'must stand in a rule of its own, without resources')
    return
  }
  if (apiGroups.length === 0) report(at(place, 'apiGroups'), 'is required: "" is the core group')
  if (resources.length === 0) report(at(place, 'resources'), 'is required: name what it is about, such as pods')
}

export function validateRoleBinding({ roleRef, subjects = [] }: RoleBinding, place: Place): void {
  validateRoleRef(roleRef, ['Role', 'ClusterRole'], at(place, 'roleRef'))
  validateSubjects(subjects, at(place, 'subjects'))
}

export function validateClusterRoleBinding({ roleRef, subjects = [] }: ClusterRoleBinding, place: Place): void {
  validateRoleRef(roleRef, ['ClusterRole'], at(place, 'roleRef'))
  validateSubjects(subjects, at(place, 'subjects'))
}

function validateRoleRef({ apiGroup, kind, name }: RoleRef, kinds: string[], place: Place): void {
  checkOneOf(at(place, 'apiGroup'), apiGroup, [rbacGroup])
  checkOneOf(at(place, 'kind'), kind, kinds)
  checkName(at(place, 'name'), name, checkPathSegment)
}

function validateSubjects(subjects: readonly Subject[], place: Place): void {
  for (const [index, subject] of subjects.entries()) validateSubject(subject, at(place, index))
}

function validateSubject({ kind, apiGroup = '', name, namespace }: Subject, place: Place): void {
  if (name === '') report(at(place, 'name'), 'is required')
  checkOneOf(at(place, 'kind'), kind, ['User', 'Group', 'ServiceAccount'])
  if (kind === 'ServiceAccount') {
    if (name !== '') checkName(at(place, 'name'), name, checkSubdomainName)
    if (!namespace) report(at(place, 'namespace'), 'is required: a service account belongs to a namespace')
    checkOneOf(at(place, 'apiGroup'), apiGroup, [''])
  } else {
    checkOneOf(at(place, 'apiGroup'), apiGroup, [rbacGroup])
    if (namespace) report(at(place, 'namespace'), `must be left out: a ${kind} belongs to the whole cluster`)
  }
}
