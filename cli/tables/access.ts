/** RBAC's kinds: who may do what. */
import type {
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from '../../contract/resources/rbac.ts'
import { ageColumn, nameColumn } from './common.ts'
import { type Column, orNone } from './table-kind.ts'

export const roleColumns: Column<Role | ClusterRole>[] = [
  nameColumn(),
  // Not an age, as everywhere else: kubectl does so, and scripts read it.
  { title: 'CREATED AT', cell: ({ metadata }) => orNone(metadata.creationTimestamp) },
]

export const bindingColumns: Column<RoleBinding | ClusterRoleBinding>[] = [
  nameColumn(),
  { title: 'ROLE', cell: ({ roleRef }) => formatRole(roleRef) },
  ageColumn(),
  { title: 'USERS', wide: true, cell: ({ subjects }) => orNone(namesOf(subjects, 'User')) },
  { title: 'GROUPS', wide: true, cell: ({ subjects }) => orNone(namesOf(subjects, 'Group')) },
  { title: 'SERVICEACCOUNTS', wide: true, cell: ({ subjects }) => orNone(namesOf(subjects, 'ServiceAccount')) },
]

/** `ClusterRole/edit`. */
function formatRole({ kind, name }: RoleRef): string {
  return `${kind}/${name}`
}

function namesOf(subjects: Subject[] = [], kind: string): string {
  const own = subjects.filter(subject => subject.kind === kind)
  return own.map(({ namespace, name }) => (namespace === undefined ? name : `${namespace}/${name}`)).join(', ')
}
