/** The scalar types of the schema: what each accepts, and how it is spelt inside. */
import { describeValue } from './describe-value.ts'
import { canonicalQuantity, isQuantity } from './quantity.ts'

export interface ScalarCheck {
  /** The value as it is kept. */
  accepted: unknown
  problem?: string
}

type Check = (value: unknown) => boolean

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const maxInt32 = 2 ** 31 - 1

const isString: Check = value => typeof value === 'string'
const isInt32: Check = value => Number.isInteger(value) && Math.abs(value as number) <= maxInt32

const scalars: Record<string, { check: Check; allowed: string }> = {
  string: { check: isString, allowed: 'text' },
  boolean: { check: value => typeof value === 'boolean', allowed: 'true or false' },
  int32: { check: isInt32, allowed: `a whole number up to ${maxInt32}` },
  int64: { check: Number.isSafeInteger, allowed: 'a whole number' },
  number: { check: Number.isFinite, allowed: 'a number' },
  intOrString: { check: value => isString(value) || isInt32(value), allowed: 'a whole number or text' },
  time: {
    check: value => typeof value === 'string' && rfc3339.test(value) && !Number.isNaN(Date.parse(value)),
    allowed: 'a time such as 2026-01-31T12:00:00Z',
  },
  bytes: { check: value => typeof value === 'string' && base64.test(withoutBreaks(value)), allowed: 'text in base64' },
  quantity: { check: isQuantityValue, allowed: 'a quantity such as 250m, 1.5 or 64Mi' },
}

/** Of those that can be written in more than one way, the one that is kept. */
const spellings: Record<string, (text: string) => string> = { quantity: canonicalQuantity, bytes: withoutBreaks }

/** `type` is one of the names above; a name that is not there accepts everything. */
export function checkScalar(type: string, value: unknown, describe = describeValue): ScalarCheck {
  const scalar = scalars[type]
  if (scalar === undefined) return { accepted: value }
  if (scalar.check(value)) return { accepted: spellings[type]?.(String(value)) ?? value }
  const wayOut =
    type === 'string' && (typeof value === 'number' || typeof value === 'boolean') ? ': put it in quotes' : ''
  return { accepted: value, problem: `must be ${scalar.allowed}, not ${describe(value)}${wayOut}` }
}

/** A block of YAML has line breaks; Go's decoder skips them, too. */
function withoutBreaks(text: string): string {
  return text.replaceAll(/[\r\n]/g, '')
}

/** YAML writes `cpu: 2` as a number. */
function isQuantityValue(value: unknown): boolean {
  return (typeof value === 'string' || typeof value === 'number') && isQuantity(String(value))
}
