/**
 * Makes `schema.generated.json` from the models of Kubernetes' own JavaScript client; a tool for developers.
 * Run `node contract/resources/generate-schema.ts` after adding a kind or taking a newer client.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as models from '@kubernetes/client-node/dist/gen/models/all.js'
import { apiVersionOf, type Kind, kinds } from './kinds.ts'
import type { SchemaTable } from './schema-table.ts'
import { flotillaGroup } from './trust.ts'

interface Attribute {
  baseName: string
  type: string
  format: string
}

const tablePath = fileURLToPath(new URL('schema.generated.json', import.meta.url))
const declarations = dirname(createRequire(import.meta.url).resolve('@kubernetes/client-node/dist/gen/models/all.js'))

/** The client knows quantities as strings; these are the fields that hold them (core/v1 and autoscaling/v2 reference). */
const quantityFields = new Set([
  'V1Container.allocatedResources',
  'V1ContainerStatus.allocatedResources',
  'V1EmptyDirVolumeSource.sizeLimit',
  'V1LimitRangeItem._default',
  'V1LimitRangeItem.defaultRequest',
  'V1LimitRangeItem.max',
  'V1LimitRangeItem.maxLimitRequestRatio',
  'V1LimitRangeItem.min',
  'V1NodeStatus.allocatable',
  'V1NodeStatus.capacity',
  'V1PersistentVolumeClaimStatus.allocatedResources',
  'V1PersistentVolumeClaimStatus.capacity',
  'V1PersistentVolumeSpec.capacity',
  'V1PodSpec.overhead',
  'V1PodStatus.allocatedResources',
  'V1ResourceFieldSelector.divisor',
  'V1ResourceQuotaSpec.hard',
  'V1ResourceQuotaStatus.hard',
  'V1ResourceQuotaStatus.used',
  'V1ResourceRequirements.limits',
  'V1ResourceRequirements.requests',
  'V1VolumeResourceRequirements.limits',
  'V1VolumeResourceRequirements.requests',
  'V2MetricTarget.averageValue',
  'V2MetricTarget.value',
  'V2MetricValueStatus.averageValue',
  'V2MetricValueStatus.value',
])

const scalars: Record<string, string> = {
  string: 'string',
  boolean: 'boolean',
  any: 'any',
  object: 'any',
  Date: 'time',
  V1MicroTime: 'time',
  IntOrString: 'intOrString',
}

/** The types of all kinds that can be written, and whatever those refer to. */
export function generateSchema(): SchemaTable {
  const table: SchemaTable = { kinds: {}, types: {} }
  const waiting: string[] = []
  for (const kind of kinds.filter(isTheirs)) {
    const model = modelOf(kind)
    table.kinds[`${apiVersionOf(kind)} ${kind.kind}`] = model
    waiting.push(model)
  }
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (table.types[name] !== undefined) continue
    const fields = fieldsOf(name)
    table.types[name] = fields
    waiting.push(...Object.values(fields).flatMap(type => type.match(/\b[A-Z]\w*/g) ?? []))
  }
  return { kinds: table.kinds, types: sorted(table.types) }
}

/** One type a line, so that a change of one shows as one. */
export function renderSchema(table: SchemaTable): string {
  const lines = Object.entries(table.types).map(
    ([name, fields]) => `    ${JSON.stringify(name)}: ${JSON.stringify(fields)}`,
  )
  return `{\n  "kinds": ${JSON.stringify(table.kinds)},\n  "types": {\n${lines.join(',\n')}\n  }\n}\n`
}

/** Kinds of our own are in own-schema.ts. */
function isTheirs(kind: Kind): boolean {
  return kind.virtual !== true && kind.group !== flotillaGroup
}

/** `V1Pod`; where two groups share a name, `CoreV1Event`. */
function modelOf(kind: Kind): string {
  const [group = ''] = kind.group.split('.')
  const plain = `${capital(kind.version)}${kind.kind}`
  const model = [plain, `${capital(group === '' ? 'core' : group)}${plain}`].find(name => name in models)
  if (model === undefined) throw new Error(`cannot generate schema: because the client has no model of ${kind.kind}`)
  return model
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

function fieldsOf(model: string): Record<string, string> {
  const { attributeTypeMap } = (models as unknown as Record<string, { attributeTypeMap: Attribute[] }>)[model] ?? {}
  if (attributeTypeMap === undefined)
    throw new Error(`cannot generate schema: because the client has no model ${model}`)
  const declaration = readFileSync(join(declarations, `${model}.d.ts`), 'utf8')
  return Object.fromEntries(
    attributeTypeMap.map(attribute => {
      const { baseName, type, format } = attribute
      const isQuantity = quantityFields.has(`${model}.${baseName}`)
      const text = isQuantity ? typeText(type, format).replace('string', 'quantity') : typeText(type, format)
      // Required fields are those that the declaration does not mark with `?`.
      return [baseName, declaration.includes(`\n    '${baseName}': `) ? `${text}!` : text]
    }),
  )
}

/** `[]V1Container`, `{}string`, `int32` … */
function typeText(type: string, format: string): string {
  const list = /^Array<(.*)>$/.exec(type)
  if (list?.[1] !== undefined) return `[]${typeText(list[1], format)}`
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)
  if (map?.[1] !== undefined) return `{}${typeText(map[1], format)}`
  if (type === 'number') return format === 'double' ? 'number' : format
  return type === 'string' && format === 'byte' ? 'bytes' : (scalars[type] ?? type)
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([left], [right]) => (left < right ? -1 : 1)))
}

if (import.meta.main) writeFileSync(tablePath, renderSchema(generateSchema()))
