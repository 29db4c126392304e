/** Which objects a selector means: labels as in `kubectl -l`, LabelSelectors in objects, and fields by path. */
import { CodedError } from '../../kit/errors.ts'
import type { AnyObject, LabelSelector } from './meta.ts'
import { checkLabelValue, checkQualifiedName, quote } from './names.ts'

export type Labels = Readonly<Record<string, string>>

/** All requirements of a list must hold. `Gt` and `Lt` exist in the text form and in node affinity only. */
export interface LabelRequirement {
  key: string
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt'
  values: readonly string[]
}

/** Longest selector that is read, characters. */
const maxSelectorLength = 16 * 1024

/** `app=web,tier!=db,env in (a,b),zone notin (c),x,!y,rank>2`. Nothing at all selects everything. Throws `BadRequest`. */
export function parseLabelSelector(text: string): LabelRequirement[] {
  refuseLong(text)
  const requirements = splitTerms(text).map(term => parseTerm(term, text))
  for (const { key, values } of requirements) {
    const problem = checkQualifiedName(key) ?? values.map(checkLabelValue).find(found => found !== undefined)
    if (problem !== undefined) throw unreadable('label selector', text, problem)
  }
  return requirements
}

/** An empty list matches everything. As in Kubernetes, `!=` and `notin` also match when the label is absent. */
export function matchesLabels(requirements: readonly LabelRequirement[], labels: Labels | undefined): boolean {
  return requirements.every(requirement => {
    const value = labels !== undefined && Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined
    return matchesValue(requirement, value)
  })
}

/** An empty selector matches everything; an absent one nothing. */
export function matchesSelector(selector: LabelSelector | undefined, labels: Labels | undefined): boolean {
  return selector !== undefined && matchesLabels(requirementsOf(selector), labels)
}

export function requirementsOf(selector: LabelSelector): LabelRequirement[] {
  const pairs = Object.entries(selector.matchLabels ?? {})
  return [
    ...pairs.map(([key, value]): LabelRequirement => ({ key, operator: 'In', values: [value] })),
    ...(selector.matchExpressions ?? []).map(({ key, operator, values }) => ({ key, operator, values: values ?? [] })),
  ]
}

/**
 * `metadata.name=x,status.phase!=Running`, for the path of any scalar; absent fields are equal to nothing (`spec.nodeName=`).
 * A backslash before a comma, `=` or backslash takes it literally. Throws `BadRequest`.
 */
export function parseFieldSelector(text: string): (object: AnyObject) => boolean {
  refuseLong(text)
  const terms = text.match(/(?:\\.|[^,\\]|\\$)+/gs) ?? []
  const tests = terms.filter(term => term.trim() !== '').map(term => parseFieldTerm(term, text))
  return object => tests.every(({ path, equal, value }) => (scalarAt(object, path) === value) === equal)
}

function matchesValue({ operator, values }: LabelRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Gt':
    case 'Lt': {
      if (value === undefined || !/^-?\d+$/.test(value)) return false
      const difference = Number(value) - Number(values[0])
      return operator === 'Gt' ? difference > 0 : difference < 0
    }
    default:
      // Objects of the outside are validated before they are matched; an unknown operator selects nothing.
      return false
  }
}

/** Splits at the commas that are not between parentheses. */
function splitTerms(text: string): string[] {
  if (text.trim() === '') return []
  return text.split(/,(?![^(]*\))/).map(term => term.trim())
}

function parseTerm(term: string, whole: string): LabelRequirement {
  const set = /^([^\s=!<>(),]+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(term)
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map(value => value.trim())
    return { key: set[1] ?? '', operator: set[2] === 'in' ? 'In' : 'NotIn', values }
  }
  const presence = /^(!?)\s*([^\s=!<>(),]+)$/.exec(term)
  if (presence !== null) {
    return { key: presence[2] ?? '', operator: presence[1] === '!' ? 'DoesNotExist' : 'Exists', values: [] }
  }
  const comparison = /^([^\s=!<>(),]+)\s*(==|=|!=|<|>)\s*([^\s=!<>(),]*)$/.exec(term)
  if (comparison === null)
    throw unreadable('label selector', whole, `${quote(term)} is neither a=b, a!=b, a in (b,c), a nor !a`)
  const [, key = '', sign = '', value = ''] = comparison
  if (/[<>]/.test(sign) && !/^-?\d+$/.test(value)) {
    throw unreadable('label selector', whole, `${quote(term)} compares with something that is not a whole number`)
  }
  return { key, operator: operatorOf(sign), values: [value] }
}

function operatorOf(sign: string): LabelRequirement['operator'] {
  if (sign === '!=') return 'NotIn'
  if (sign === '>') return 'Gt'
  return sign === '<' ? 'Lt' : 'In'
}

function parseFieldTerm(term: string, whole: string): { path: string[]; equal: boolean; value: string } {
  const match = /^\s*([\w./[\]-]+?)\s*(==|=|!=)\s*((?:\\.|[^=\\])*?)\s*$/s.exec(term)
  if (match === null) throw unreadable('field selector', whole, `${quote(term)} is neither path=value nor path!=value`)
  const [, path = '', sign, value = ''] = match
  return { path: path.split('.'), equal: sign !== '!=', value: value.replace(/\\(.)/gs, '$1') }
}

function scalarAt(object: unknown, path: readonly string[]): string {
  let value = object
  for (const field of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, field)) return ''
    value = (value as Record<string, unknown>)[field]
  }
  return typeof value === 'object' || value === undefined ? '' : String(value)
}

function refuseLong(text: string): void {
  if (text.length > maxSelectorLength) {
    throw new CodedError(
      'BadRequest',
      `cannot read selector: because it is longer than ${maxSelectorLength} characters`,
    )
  }
}

function unreadable(what: string, text: string, reason: string): CodedError {
  return new CodedError('BadRequest', `cannot read ${what} ${quote(text)}: because ${reason}`)
}
