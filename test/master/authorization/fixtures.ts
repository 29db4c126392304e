/** Roles, bindings and pods to decide by. */
import type { KubernetesObject } from '../../../contract/resources/meta.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import type { PolicyRule, Subject } from '../../../contract/resources/rbac.ts'
import type { ReviewAttributes } from '../../../contract/wire/api.ts'
import type { Asker } from '../../../master/authorization/asker.ts'
import { decide, type Rights } from '../../../master/authorization/decide.ts'
import type { NodeView } from '../../../master/authorization/node-rights.ts'
import { RoleBook } from '../../../master/authorization/role-book.ts'

const apiVersion = 'rbac.authorization.k8s.io/v1'
const apiGroup = 'rbac.authorization.k8s.io'

export const bob: Asker = { username: 'bob', groups: ['dev', 'system:authenticated'] }
export const noNodes: NodeView = { podsOn: () => [], pullSecretsOf: () => [] }

export function rule(verbs: string[], resources: string[], more: Partial<PolicyRule> = {}): PolicyRule {
  return { apiGroups: [''], resources, verbs, ...more }
}

export function role(name: string, rules: PolicyRule[], namespace = 'x'): KubernetesObject {
  return { apiVersion, kind: 'Role', metadata: { name, namespace }, rules } as KubernetesObject
}

/** `more`: fields, of which `labels` go where they belong. */
export function clusterRole(
  name: string,
  rules: PolicyRule[],
  { labels = {}, ...more }: { labels?: Record<string, string>; aggregationRule?: object } = {},
): KubernetesObject {
  return { apiVersion, kind: 'ClusterRole', metadata: { name, labels }, rules, ...more } as KubernetesObject
}

/** `path`: `namespace/name`, or the name of one in `x`. */
export function roleBinding(path: string, ref: string, subjects: Subject[]): KubernetesObject {
  const [name = '', namespace = 'x'] = path.split('/').reverse()
  const [kind = '', of = ''] = ref.split('/')
  const roleRef = { apiGroup, kind, name: of }
  return { apiVersion, kind: 'RoleBinding', metadata: { name, namespace }, roleRef, subjects } as KubernetesObject
}

export function clusterRoleBinding(name: string, ref: string, subjects: Subject[]): KubernetesObject {
  const roleRef = { apiGroup, kind: 'ClusterRole', name: ref }
  return { apiVersion, kind: 'ClusterRoleBinding', metadata: { name }, roleRef, subjects } as KubernetesObject
}

export function user(name: string): Subject {
  return { kind: 'User', apiGroup, name }
}

export function group(name: string): Subject {
  return { kind: 'Group', apiGroup, name }
}

export function bookOf(...objects: KubernetesObject[]): RoleBook {
  const book = new RoleBook()
  for (const object of objects) book.put(object)
  return book
}

/** `get pods/log web in x`, `list deployments.apps`, `get nodes board-1`. */
export function attributes(text: string): ReviewAttributes {
  const [, verb = '', path = '', name, namespace] = /^(\S+) (\S+)(?: (?!in )(\S+))?(?: in (\S+))?$/.exec(text) ?? []
  const [full = '', subresource] = path.split('/')
  const [resource = '', ...groups] = full === '*' ? ['*'] : full.split('.')
  return {
    verb,
    resource,
    group: groups.join('.'),
    ...(subresource !== undefined && { subresource }),
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
  }
}

export function may(book: RoleBook | Rights, asker: Asker, text: string): boolean {
  const rights = book instanceof RoleBook ? { book, nodes: noNodes } : book
  return decide(rights, asker, attributes(text)).allowed
}

export function podOn(name: string, spec: object = {}, namespace = 'x'): Pod {
  const metadata = { name, namespace, uid: `uid-${name}` }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } } as Pod
}
