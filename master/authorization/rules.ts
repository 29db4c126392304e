/** Whether one rule of a role allows one request, and what a rule says in one line (Kubernetes' `pkg/apis/rbac/v1`). */
import type { PolicyRule } from '../../contract/resources/rbac.ts'
import type { ReviewAttributes } from '../../contract/wire/api.ts'

const all = '*'

/** `pods/log`, as rules name subresources. */
export function resourcePath({ resource, subresource }: Pick<ReviewAttributes, 'resource' | 'subresource'>): string {
  return subresource ? `${resource}/${subresource}` : resource
}

export function ruleAllows(rule: PolicyRule, attributes: ReviewAttributes): boolean {
  const { verb, group, name } = attributes
  return (
    holds(rule.verbs, verb) &&
    holds(rule.apiGroups, group) &&
    holdsResource(rule.resources, resourcePath(attributes)) &&
    holdsName(rule.resourceNames, name)
  )
}

export function holds(list: readonly string[] | undefined, word: string): boolean {
  return list !== undefined && (list.includes(all) || list.includes(word))
}

/** `*` is every resource with all its subresources; an asterisk before a slash is one subresource of every resource. */
export function holdsResource(list: readonly string[] | undefined, path: string): boolean {
  if (list === undefined) return false
  if (list.includes(all) || list.includes(path)) return true
  const slash = path.indexOf('/')
  return slash >= 0 && list.includes(`${all}${path.slice(slash)}`)
}

/** A rule for certain names allows nothing that names none: not `list`, not `create`. */
function holdsName(names: readonly string[] | undefined, name: string | undefined): boolean {
  return names === undefined || names.length === 0 || (name !== undefined && names.includes(name))
}

/** A path of HTTP; `/healthz*` means all that begin so. */
export function holdsUrl(list: readonly string[] | undefined, url: string): boolean {
  return (list ?? []).some(
    pattern => pattern === all || pattern === url || (pattern.endsWith(all) && url.startsWith(pattern.slice(0, -1))),
  )
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}`, as Kubernetes writes a rule in its refusals. */
export function describeRule(rule: PolicyRule): string {
  const parts = {
    APIGroups: rule.apiGroups,
    Resources: rule.resources,
    ResourceNames: rule.resourceNames,
    NonResourceURLs: rule.nonResourceURLs,
    Verbs: rule.verbs,
  }
  const said = Object.entries(parts).filter(([, list]) => list !== undefined && list.length > 0)
  return `{${said.map(([field, list]) => `${field}:${JSON.stringify(list)}`).join(', ')}}`
}
