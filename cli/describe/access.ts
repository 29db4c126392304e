/** Roles and bindings: the rules as a table, and whom they are for. */
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from '../../contract/resources/rbac.ts'
import { headOf } from './common.ts'
import type { Field, Value } from './page.ts'

export function describeRole(role: Role | ClusterRole): Field[] {
  const selectors = 'aggregationRule' in role ? role.aggregationRule?.clusterRoleSelectors : undefined
  const gathered = selectors?.map(({ matchLabels = {} }) =>
    Object.entries(matchLabels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  )
  return [...headOf(role), ['Gathered from', gathered], ['PolicyRule', rulesOf(role.rules ?? [])]]
}

export function describeBinding(binding: RoleBinding | ClusterRoleBinding): Field[] {
  const { roleRef, subjects = [] } = binding
  const rows = subjects.map(({ kind, name, namespace = '' }) => [kind, name, namespace])
  return [
    ...headOf(binding),
    [
      'Role',
      [
        ['Kind', roleRef.kind],
        ['Name', roleRef.name],
      ],
    ],
    ['Subjects', rows.length === 0 ? '<none>' : { rows: [['Kind', 'Name', 'Namespace'], ...rows] }],
  ]
}

function rulesOf(rules: PolicyRule[]): Value {
  if (rules.length === 0) return '<none>'
  const rows = rules.map(({ verbs, apiGroups = [''], resources = [], resourceNames = [], nonResourceURLs = [] }) => [
    resources.flatMap(resource => apiGroups.map(group => (group === '' ? resource : `${resource}.${group}`))).join(' '),
    nonResourceURLs.join(' '),
    resourceNames.join(' '),
    verbs.join(' '),
  ])
  return { rows: [['Resources', 'Non-Resource URLs', 'Resource Names', 'Verbs'], ...rows] }
}
