/** `flotilla auth`: what one may do, and who one is. */

import { findKindByName } from '../../contract/resources/kinds.ts'
import type { PolicyRule } from '../../contract/resources/rbac.ts'
import type { ReviewAttributes } from '../../contract/wire/api.ts'
import type { Impersonation } from '../api-client.ts'
import { withSession } from '../connect.ts'
import type { RunCommand } from '../fleet.ts'
import { type Options, readOptions } from '../options.ts'
import { renderTable } from '../table.ts'
import { UsageError } from '../usage-error.ts'

export const runCanI: RunCommand = async (input, fleet) => {
  const options = readOptions(input)
  const { terminal } = fleet
  const question = options.flag('list') ? undefined : readQuestion(input.arguments, options)
  if (!question && input.arguments.length > 0) throw new UsageError('--list takes no verb and no resource')
  return withSession(input, fleet, async ({ api, namespace }) => {
    const as = readImpersonation(options)
    if (!question) {
      const { rules } = await api.rules(namespace, as)
      terminal.print(renderRules(rules, !options.isOff('headers')))
      return 0
    }
    const { attributes, namespaced, known } = question
    if (!known) terminal.warn(`Warning: the server doesn't have a resource type "${attributes.resource}"\n`)
    const inAll = options.flag('allNamespaces') || !namespaced
    const { allowed, reason } = await api.review(inAll ? attributes : { ...attributes, namespace }, as)
    if (!options.flag('quiet')) terminal.print(allowed ? 'yes\n' : `no - ${reason}\n`)
    return allowed ? 0 : 1
  })
}

export const runWhoami: RunCommand = (input, fleet) =>
  withSession(input, fleet, async ({ api, namespace }) => {
    const { user } = await api.rules(namespace)
    const rows = [
      ['Username', user.username],
      ['Groups', user.groups.join(', ')],
    ]
    fleet.terminal.print(linesOf([['ATTRIBUTE', 'VALUE'], ...rows]))
    return 0
  })

interface Question {
  attributes: ReviewAttributes
  namespaced: boolean
  /** Whether Flotilla has objects of it. Rules may be about others as well. */
  known: boolean
}

/** Of the core group, and no objects: whom somebody may stand in for. */
const impersonated = ['users', 'groups']

function readQuestion([verb, path, name, ...rest]: string[], options: Options): Question {
  if (verb === undefined || path === undefined || rest.length > 0)
    throw new UsageError('ask with a verb and a resource, such as "can-i get pods" or "can-i create pods/exec web-1"')
  const [word = '', ...below] = path.split('/')
  const subresource = options.text('subresource') ?? (below.length > 0 ? below.join('/') : undefined)
  const more = { ...(subresource !== undefined && { subresource }), ...(name !== undefined && { name }) }
  const isPerson = verb === 'impersonate' && impersonated.includes(word)
  const kind = isPerson ? undefined : findKindByName(word)
  if (kind) {
    const { plural: resource, group, namespaced } = kind
    const own = kind.kind === 'Namespace' && name !== undefined ? { namespace: name } : {}
    return { attributes: { verb, resource, group, ...own, ...more }, namespaced, known: true }
  }
  const [resource = '', ...group] = word.split('.')
  const attributes = { verb, resource, group: word === '*' ? '*' : group.join('.'), ...more }
  return { attributes, namespaced: !isPerson, known: isPerson || word === '*' }
}

function readImpersonation(options: Options): Impersonation {
  const as = options.text('as')
  const asGroups = options.list('asGroup')
  if (as === undefined && asGroups.length > 0) throw new UsageError('--as-group needs --as: name the user too')
  return { ...(as !== undefined && { as }), ...(asGroups.length > 0 && { asGroups }) }
}

function renderRules(rules: readonly PolicyRule[], headers: boolean): string {
  const rows = rules.flatMap(({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }) => {
    const list = (words: readonly string[]): string => `[${words.join(' ')}]`
    const ends = [list(nonResourceURLs), list(resourceNames), list(verbs)]
    if (resources.length === 0) return [['', ...ends]]
    return resources.flatMap(resource =>
      apiGroups.map(group => [group === '' ? resource : `${resource}.${group}`, ...ends]),
    )
  })
  return linesOf(headers ? [['RESOURCES', 'NON-RESOURCE URLS', 'RESOURCE NAMES', 'VERBS'], ...rows] : rows)
}

function linesOf(rows: string[][]): string {
  return renderTable(rows)
    .lines.map(line => `${line}\n`)
    .join('')
}
