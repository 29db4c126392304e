/** Whether an object has the shape of its kind: known fields, right types, nothing required left out. */
import type { Problem } from '../../kit/errors.ts'
import { describeSecret, describeValue } from './describe-value.ts'
import { isFields } from './fields.ts'
import { apiVersionOf, type Kind } from './kinds.ts'
import type { AnyObject } from './meta.ts'
import { quote } from './names.ts'
import { nearestTo } from './nearest.ts'
import { ownSchema } from './own-schema.ts'
import { at, type Place, report } from './place.ts'
import table from './schema.generated.json' with { type: 'json' }
import { checkScalar } from './schema-scalars.ts'
import type { SchemaTable } from './schema-table.ts'

const schema: SchemaTable = {
  kinds: { ...table.kinds, ...ownSchema.kinds },
  types: { ...table.types, ...ownSchema.types },
}

/** Whatever somebody has put at the wrong place of it may be what nobody should read. */
const secretType = 'V1Secret'

export interface ShapedObject {
  /**
   * A copy in Kubernetes' own spelling: fields with null are gone, and quantities are canonical strings. Meaningless when
   * there are problems.
   */
  object: AnyObject
  /** All that is wrong with it, in the order of the fields. */
  problems: Problem[]
}

export function readShape(object: unknown, kind: Kind): ShapedObject {
  const problems: Problem[] = []
  const type = schema.kinds[`${apiVersionOf(kind)} ${kind.kind}`] ?? 'any'
  const isSecret = type === secretType ? { isSecret: true as const } : {}
  return { object: readValue(object, type, { path: '', problems, ...isSecret }) as AnyObject, problems }
}

function readValue(value: unknown, type: string, place: Place): unknown {
  if (type === 'any') return value
  if (type.startsWith('[]')) return readList(value, type.slice(2), place)
  if (type.startsWith('{}')) return readMap(value, type.slice(2), place)
  const fields = schema.types[type]
  if (fields !== undefined) return readFields(value, fields, place)
  const { accepted, problem } = checkScalar(type, value, describerOf(place))
  if (problem !== undefined) report(place, problem)
  return accepted
}

function describerOf({ isSecret }: Place): (value: unknown) => string {
  return isSecret ? describeSecret : describeValue
}

function readList(value: unknown, itemType: string, place: Place): unknown {
  if (!Array.isArray(value)) return report(place, `must be a list, not ${describerOf(place)(value)}`)
  return value.map((item, index) => readValue(item, itemType, at(place, index)))
}

function readMap(value: unknown, valueType: string, place: Place): unknown {
  if (!isFields(value)) return report(place, `must be a map of names to values, not ${describerOf(place)(value)}`)
  const entries = Object.entries(value).map(([key, item]) => {
    // `role:` with nothing behind it is the empty text, for Kubernetes too.
    const given = item === null && valueType === 'string' ? '' : item
    return [key, readValue(given, valueType, at(place, key))] as const
  })
  return Object.fromEntries(entries)
}

function readFields(value: unknown, fields: Record<string, string>, place: Place): unknown {
  if (!isFields(value)) return report(place, `must be an object with fields, not ${describerOf(place)(value)}`)
  const copy: [string, unknown][] = []
  for (const [name, item] of Object.entries(value)) {
    const inside = at(place, name)
    if (!Object.hasOwn(fields, name)) report(inside, unknownField(name, fields))
    else if (item !== null) copy.push([name, readValue(item, fields[name]?.replace('!', '') ?? 'any', inside)])
  }
  for (const [name, type] of Object.entries(fields)) {
    const isMissing = !Object.hasOwn(value, name) || value[name] === null
    if (type.endsWith('!') && isMissing) report(at(place, name), 'is required')
  }
  return Object.fromEntries(copy)
}

function unknownField(name: string, fields: Record<string, string>): string {
  const [nearest] = nearestTo(name, Object.keys(fields))
  return nearest === undefined ? 'unknown field' : `unknown field: did you mean ${quote(nearest)}?`
}
