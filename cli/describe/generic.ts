/** Any other kind: its fields, as they are. */
import type { AnyObject } from '../../contract/resources/meta.ts'
import { headOf } from './common.ts'
import type { Field, Value } from './page.ts'

/** Longest list that is written out; `-o yaml` shows all. */
const maxItems = 50

export function describeAny(object: AnyObject): Field[] {
  const { apiVersion, kind, metadata, ...rest } = object
  return [...headOf(object), ['API Version', apiVersion], ['Kind', kind], ...fieldsOf(rest)]
}

function fieldsOf(fields: Record<string, unknown>): Field[] {
  return Object.entries(fields).map(([label, value]) => [label, readValue(value)])
}

function readValue(value: unknown): Value {
  if (Array.isArray(value)) {
    const items = value.slice(0, maxItems)
    if (items.every(item => typeof item !== 'object')) return items.map(String)
    return items.map((item, index): Field => [String(index), readValue(item)])
  }
  if (typeof value === 'object' && value !== null) return fieldsOf(value as Record<string, unknown>)
  return String(value)
}
