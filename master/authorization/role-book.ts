/**
 * All roles and bindings, indexed by who is bound: what one request may do is found without a look at the bindings of
 * others, however many there are.
 */
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import {
  type ClusterRole,
  type ClusterRoleBinding,
  type PolicyRule,
  type Role,
  type RoleBinding,
  type RoleRef,
  rbacGroup,
  type Subject,
} from '../../contract/resources/rbac.ts'
import { matchesSelector } from '../../contract/resources/selector.ts'
import { usernameOf } from '../../contract/wire/identity.ts'
import type { Asker } from './asker.ts'

type Binding = RoleBinding | ClusterRoleBinding

/** A rule that somebody has, and by which binding. */
export interface Grant {
  rule: PolicyRule
  binding: Binding
  subject: Subject
}

/** One binding, by one of the subjects that it names. */
interface Bound {
  binding: Binding
  subject: Subject
}

export class RoleBook {
  #roles = new Map<string, Role>()
  #clusterRoles = new Map<string, ClusterRole>()
  /** By namespace ('' for the whole cluster), then by subject, then by the binding's own name. */
  #bound = new Map<string, Map<string, Map<string, Bound>>>()
  #gathered = new Map<string, PolicyRule[]>()
  #version = 0

  /** Grows with each change: what was decided at an older version may be decided otherwise now. */
  get version(): number {
    return this.#version
  }

  /** Takes note of a role or binding; anything else is left alone. `previous`: what `put` gave before in its place. */
  put(object: KubernetesObject, previous?: KubernetesObject): void {
    if (previous) this.delete(previous)
    this.#note(object, true)
  }

  delete(object: KubernetesObject): void {
    this.#note(object, false)
  }

  #note(object: KubernetesObject, isThere: boolean): void {
    if (!object.apiVersion.startsWith(`${rbacGroup}/`)) return
    this.#version++
    const { name } = object.metadata
    if (object.kind === 'Role') set(this.#roles, keyOf(object), isThere ? (object as Role) : undefined)
    else if (object.kind === 'ClusterRole') {
      this.#gathered.clear()
      set(this.#clusterRoles, name, isThere ? (object as ClusterRole) : undefined)
    } else this.#bind(object as Binding, isThere)
  }

  #bind(binding: Binding, isThere: boolean): void {
    for (const subject of binding.subjects ?? []) {
      const key = subjectKey(subject)
      if (key === undefined) continue
      const namespace = binding.kind === 'RoleBinding' ? (binding.metadata.namespace ?? '') : ''
      const ofNamespace = this.#bound.get(namespace) ?? new Map<string, Map<string, Bound>>()
      const ofSubject = ofNamespace.get(key) ?? new Map<string, Bound>()
      set(ofSubject, binding.metadata.name, isThere ? { binding, subject } : undefined)
      set(ofNamespace, key, ofSubject.size > 0 ? ofSubject : undefined)
      set(this.#bound, namespace, ofNamespace.size > 0 ? ofNamespace : undefined)
    }
  }

  /** What the asker has in a namespace, that of the whole cluster included; without a namespace, that alone. */
  *grantsOf(asker: Asker, namespace?: string): Generator<Grant> {
    for (const { binding, subject } of this.#bindingsOf(asker, namespace)) {
      for (const rule of this.rulesOf(binding.roleRef, binding.metadata.namespace) ?? [])
        yield { rule, binding, subject }
    }
  }

  *#bindingsOf({ username, groups }: Asker, namespace: string | undefined): Generator<Bound> {
    const keys = [`User ${username}`, ...groups.map(group => `Group ${group}`)]
    for (const place of namespace ? ['', namespace] : ['']) {
      const ofNamespace = this.#bound.get(place)
      for (const key of ofNamespace ? keys : []) yield* ofNamespace?.get(key)?.values() ?? []
    }
  }

  /** The namespaces in which the asker has anything of its own. For rare questions: looks into every namespace. */
  namespacesOf({ username, groups }: Asker): string[] {
    const keys = [`User ${username}`, ...groups.map(group => `Group ${group}`)]
    return [...this.#bound].flatMap(([namespace, ofNamespace]) =>
      namespace !== '' && keys.some(key => ofNamespace.has(key)) ? [namespace] : [],
    )
  }

  /** Undefined when there is no such role: whoever is bound to it has nothing by that. */
  rulesOf({ kind, name }: RoleRef, namespace: string | undefined): PolicyRule[] | undefined {
    if (kind !== 'ClusterRole') return this.#roles.get(`${namespace ?? ''}/${name}`)?.rules
    const role = this.#clusterRoles.get(name)
    return role && (this.#gathered.get(name) ?? this.#gather(role))
  }

  /** A role that gathers others has their rules, those that they gather included, and none of its own. */
  #gather(role: ClusterRole): PolicyRule[] {
    const reached = new Set([role])
    // A set goes on with what is added meanwhile, and takes nothing twice: circles end.
    for (const { aggregationRule } of reached) {
      const selectors = aggregationRule?.clusterRoleSelectors ?? []
      for (const other of selectors.length > 0 ? this.#clusterRoles.values() : [])
        if (selectors.some(selector => matchesSelector(selector, other.metadata.labels))) reached.add(other)
    }
    const rules = [...reached].flatMap(({ aggregationRule, rules }) => (aggregationRule ? [] : (rules ?? [])))
    this.#gathered.set(role.metadata.name, rules)
    return rules
  }
}

/** Undefined for what no asker can be. */
function subjectKey({ kind, name, namespace = '' }: Subject): string | undefined {
  if (kind === 'User' || kind === 'Group') return `${kind} ${name}`
  return kind === 'ServiceAccount' ? `User ${usernameOf({ kind: 'serviceAccount', namespace, name })}` : undefined
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}

function set<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key)
  else map.set(key, value)
}
