/** Nobody hands on what he has not: which of the wanted rules the owned ones do not cover (Kubernetes' `validation.Covers`). */
import type { PolicyRule } from '../../contract/resources/rbac.ts'
import type { Asker } from './asker.ts'
import { isMaster } from './asker.ts'
import type { RoleBook } from './role-book.ts'
import { holds, holdsResource, holdsUrl } from './rules.ts'

/** A role that falls into more single rights than these is not checked but refused. */
const maxSingleRights = 20_000
/** Nor is one that would hold up the master: every wanted right against every word of the owned rules; so many take some 0.1 s. */
const maxComparisons = 50_000_000

/** One verb on one resource of one group, by one name or by all; or one verb on one URL. */
type Right = { verb: string; group: string; resource: string; name: string | undefined } | { verb: string; url: string }

/** The wanted rules that are not wholly within the owned ones. */
export function findUncovered(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const ownedWords = owned.reduce((sum, rule) => sum + countWords(rule), 1)
  let budget = Math.min(maxSingleRights, maxComparisons / ownedWords)
  return wanted.filter(rule => {
    budget -= countRights(rule)
    return budget < 0 || rightsOf(rule).some(right => !owned.some(owner => coversRight(owner, right)))
  })
}

/** What `target` may do anywhere and `asker` may not: empty when the asker can do all that the target can. */
export function findMissing(book: RoleBook, asker: Asker, target: Asker): PolicyRule[] {
  if (isMaster(asker)) return []
  if (isMaster(target)) return [everything]
  for (const namespace of [undefined, ...book.namespacesOf(target)]) {
    const missing = findUncovered(rulesIn(book, asker, namespace), rulesIn(book, target, namespace))
    if (missing.length > 0) return missing
  }
  return []
}

/** All that the asker has in a namespace; without one, in the whole cluster. */
export function rulesIn(book: RoleBook, asker: Asker, namespace: string | undefined): PolicyRule[] {
  const granted = [...new Set([...book.grantsOf(asker, namespace)].map(({ rule }) => rule))]
  return isMaster(asker) ? [everything, everyUrl, ...granted] : granted
}

export const everything: PolicyRule = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }
export const everyUrl: PolicyRule = { verbs: ['*'], nonResourceURLs: ['*'] }

function countWords({
  verbs,
  apiGroups = [],
  resources = [],
  resourceNames = [],
  nonResourceURLs = [],
}: PolicyRule): number {
  return verbs.length + apiGroups.length + resources.length + resourceNames.length + nonResourceURLs.length
}

function countRights({
  verbs,
  apiGroups = [],
  resources = [],
  resourceNames = [],
  nonResourceURLs = [],
}: PolicyRule): number {
  return (
    verbs.length * (apiGroups.length * resources.length * Math.max(1, resourceNames.length) + nonResourceURLs.length)
  )
}

function rightsOf({
  verbs,
  apiGroups = [],
  resources = [],
  resourceNames = [],
  nonResourceURLs = [],
}: PolicyRule): Right[] {
  const names = resourceNames.length > 0 ? resourceNames : [undefined]
  return verbs.flatMap((verb): Right[] => [
    ...apiGroups.flatMap(group => resources.flatMap(resource => names.map(name => ({ verb, group, resource, name })))),
    ...nonResourceURLs.map(url => ({ verb, url })),
  ])
}

/** An asterisk in what is wanted is covered by an asterisk only: nobody owns what is still to come. */
function coversRight(owner: PolicyRule, right: Right): boolean {
  if (!holds(owner.verbs, right.verb)) return false
  if ('url' in right) return holdsUrl(owner.nonResourceURLs, right.url)
  const { resourceNames = [] } = owner
  const coversName = resourceNames.length === 0 || (right.name !== undefined && resourceNames.includes(right.name))
  return coversName && holds(owner.apiGroups, right.group) && holdsResource(owner.resources, right.resource)
}
