/** `flotilla create role|clusterrole|rolebinding|clusterrolebinding|serviceaccount|namespace`: who may do what, in a line. */
import { findKindByName } from '../../contract/resources/kinds.ts'
import { type PolicyRule, type RoleRef, rbacGroup, type Subject } from '../../contract/resources/rbac.ts'
import type { RunCommand } from '../fleet.ts'
import { type Options, readOptions } from '../options.ts'
import { kindNamed } from '../resource-args.ts'
import { UsageError } from '../usage-error.ts'
import { type Body, createObject } from './create-object.ts'

export const runCreateRole: RunCommand = async (input, fleet) =>
  createObject(input, fleet, { word: 'roles', body: { rules: rulesOf(readOptions(input)) } })

export const runCreateClusterRole: RunCommand = async (input, fleet) => {
  const options = readOptions(input)
  const gathered = options.text('aggregationRule')
  const body = gathered === undefined ? { rules: rulesOf(options) } : aggregationOf(gathered)
  return createObject(input, fleet, { word: 'clusterroles', body })
}

export const runCreateRoleBinding: RunCommand = async (input, fleet) => {
  const options = readOptions(input)
  const [role, clusterRole] = [options.text('role'), options.text('clusterrole')]
  if ((role === undefined) === (clusterRole === undefined))
    throw new UsageError('name one role: --role or --clusterrole')
  const roleRef = role === undefined ? roleRefOf('ClusterRole', clusterRole ?? '') : roleRefOf('Role', role)
  return createObject(input, fleet, { word: 'rolebindings', body: { roleRef, subjects: subjectsOf(options) } })
}

export const runCreateClusterRoleBinding: RunCommand = async (input, fleet) => {
  const options = readOptions(input)
  const clusterRole = options.text('clusterrole')
  if (clusterRole === undefined) throw new UsageError('name the role: --clusterrole')
  const body = { roleRef: roleRefOf('ClusterRole', clusterRole), subjects: subjectsOf(options) }
  return createObject(input, fleet, { word: 'clusterrolebindings', body })
}

export const runCreateServiceAccount: RunCommand = (input, fleet) =>
  createObject(input, fleet, { word: 'serviceaccounts', body: {} })

export const runCreateNamespace: RunCommand = (input, fleet) =>
  createObject(input, fleet, { word: 'namespaces', body: {} })

function roleRefOf(kind: 'Role' | 'ClusterRole', name: string): RoleRef {
  return { apiGroup: rbacGroup, kind, name }
}

/** One rule for each API group, as kubectl makes them. */
function rulesOf(options: Options): PolicyRule[] {
  const verbs = words(options.list('verb'))
  const resources = words(options.list('resource'))
  if (verbs.length === 0) throw new UsageError('at least one verb must be given, such as --verb=get,list')
  if (resources.length === 0) throw new UsageError('at least one resource must be given, such as --resource=pods')
  const byGroup = new Map<string, string[]>()
  for (const { group, resource } of resources.map(readResource))
    byGroup.set(group, [...(byGroup.get(group) ?? []), resource])
  const resourceNames = options.list('resourceName')
  return [...byGroup].map(([group, own]) => ({
    verbs,
    apiGroups: [group],
    resources: own,
    ...(resourceNames.length > 0 && { resourceNames }),
  }))
}

/** `pods`, `po`, `deployments.apps`, `pods/log`, `*`. */
function readResource(word: string): { group: string; resource: string } {
  const [type = '', ...sub] = word.split('/')
  if (type === '*') return { group: '*', resource: word }
  // A kind of a later version, or of another program's: taken as it is, when its group is named.
  const [plural = '', ...group] = type.split('.')
  if (group.length > 0 && findKindByName(type) === undefined)
    return { group: group.join('.'), resource: [plural, ...sub].join('/') }
  const kind = kindNamed(type)
  return { group: kind.group, resource: [kind.plural, ...sub].join('/') }
}

function aggregationOf(labels: string): Body {
  const matchLabels = Object.fromEntries(
    words([labels]).map(pair => {
      const [key = '', value] = pair.split('=')
      if (value === undefined) throw new UsageError('--aggregation-rule must be of the form label=value')
      return [key, value]
    }),
  )
  return { aggregationRule: { clusterRoleSelectors: [{ matchLabels }] } }
}

function subjectsOf(options: Options): Subject[] {
  const named = (kind: 'User' | 'Group', names: string[]): Subject[] =>
    names.map(name => ({ kind, apiGroup: rbacGroup, name }))
  const accounts = words(options.list('serviceaccount')).map((word): Subject => {
    const [namespace = '', name = '', ...rest] = word.split(':')
    if (namespace === '' || name === '' || rest.length > 0)
      throw new UsageError('--serviceaccount must be of the form namespace:name')
    return { kind: 'ServiceAccount', namespace, name }
  })
  return [...named('User', words(options.list('user'))), ...named('Group', words(options.list('group'))), ...accounts]
}

/** Repeated, or joined by commas. */
function words(values: string[]): string[] {
  return values.flatMap(value => value.split(',')).filter(word => word !== '')
}
