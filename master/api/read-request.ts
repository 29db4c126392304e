/** Makes an ApiRequest of what came over the wire, or says what is wrong with it: nothing behind the door sees garbage. */
import type { ApiRequest, Target } from '../../contract/wire/api.ts'
import { isMap } from './merge-patch.ts'
import { badRequest } from './refusals.ts'
import type { Verb } from './room.ts'

type Fields = Record<string, unknown>
type FieldType = 'string' | 'boolean' | 'number' | 'object' | 'strings' | 'any'

/** The fields of each verb beside `target`; those with `!` are required. */
const fieldsOfVerb: Record<Verb, Record<string, `${FieldType}${'!' | ''}`>> = {
  get: {},
  list: { limit: 'number', continue: 'string', labelSelector: 'string', fieldSelector: 'string' },
  watch: { resourceVersion: 'string', labelSelector: 'string', fieldSelector: 'string' },
  create: { object: 'object!', dryRun: 'boolean' },
  update: { object: 'object!', dryRun: 'boolean', subresource: 'string' },
  patch: { patch: 'any!', patchType: 'string!', dryRun: 'boolean' },
  apply: { object: 'object!', dryRun: 'boolean', pendingNamespaces: 'strings' },
  delete: { gracePeriodSeconds: 'number', uid: 'string', dryRun: 'boolean' },
  logs: { options: 'object!' },
  exec: { options: 'object!' },
  version: {},
  sign: { csr: 'string' },
  token: { expirationSeconds: 'number', audience: 'string', pod: 'object' },
  review: { attributes: 'object!', as: 'string', asGroups: 'strings' },
  rules: { namespace: 'string!', as: 'string', asGroups: 'strings' },
  rotate: {},
  counters: {},
  invite: {},
}

/** What is asked of the whole cluster, or of no object. */
const withoutTarget: ReadonlySet<string> = new Set<Verb>(['version', 'review', 'rules', 'rotate', 'invite', 'counters'])

const attributeFields: Record<string, `${FieldType}${'!' | ''}`> = {
  verb: 'string!',
  resource: 'string!',
  group: 'string!',
  subresource: 'string',
  namespace: 'string',
  name: 'string',
}

const optionFields: Record<string, FieldType> = {
  container: 'string',
  follow: 'boolean',
  previous: 'boolean',
  tailLines: 'number',
  sinceSeconds: 'number',
  timestamps: 'boolean',
  command: 'strings',
  stdin: 'boolean',
  tty: 'boolean',
  size: 'object',
}

/** Longest name that anything has. */
const maxNameLength = 253
const maxListLength = 1000

/** Throws `BadRequest`. */
export function readApiRequest(body: unknown): ApiRequest {
  if (!isMap(body)) throw badRequest('cannot read the request: because it is no object')
  const { verb } = body
  if (typeof verb !== 'string' || !Object.hasOwn(fieldsOfVerb, verb))
    throw badRequest(`cannot read the request: because its verb is ${JSON.stringify(verb)?.slice(0, 80)}`)
  const types = fieldsOfVerb[verb as Verb]
  const request: Fields = { verb, ...pickFields(body, types) }
  if (!withoutTarget.has(verb)) request['target'] = readTarget(body['target'])
  if (isMap(request['object'])) checkObject(request['object'])
  if (isMap(request['options'])) request['options'] = readOptions(request['options'])
  if (isMap(request['pod'])) request['pod'] = pickFields(request['pod'], { name: 'string!', uid: 'string!' })
  if (isMap(request['attributes'])) request['attributes'] = pickFields(request['attributes'], attributeFields)
  // Every field was checked against the table of its verb above.
  return request as unknown as ApiRequest
}

function readTarget(value: unknown): Target {
  if (!isMap(value)) throw badRequest('cannot read the request: because it has no target')
  const { resource, group, namespace, name } = value
  if (typeof resource !== 'string' || typeof group !== 'string')
    throw badRequest('cannot read the request: because its target lacks resource or group')
  return {
    resource,
    group,
    ...(namespace !== undefined && { namespace: readName('namespace', namespace) }),
    ...(name !== undefined && { name: readName('name', name) }),
  }
}

/** Names are parts of the store's keys: one with a slash would mean an object of another place. */
function readName(field: string, value: unknown): string {
  const fits = typeof value === 'string' && value !== '' && value.length <= maxNameLength
  if (fits && value !== '.' && value !== '..' && !/[/%\s]/.test(value)) return value
  const given = JSON.stringify(value)?.slice(0, 80)
  throw badRequest(`cannot read the request: because its ${field} is ${given}, which cannot be a name`)
}

function checkObject(object: Fields): void {
  const { metadata, apiVersion, kind } = object
  if (!isMap(metadata) || typeof apiVersion !== 'string' || typeof kind !== 'string')
    throw badRequest('cannot read the object: because it lacks apiVersion, kind or metadata')
  for (const field of ['uid', 'resourceVersion'])
    if (metadata[field] !== undefined && typeof metadata[field] !== 'string')
      throw badRequest(`cannot read the object: because its metadata.${field} is no text`)
  for (const field of ['name', 'namespace']) {
    const value = metadata[field]
    if (value !== undefined && value !== '' && value !== null) readName(`metadata.${field}`, value)
    else delete metadata[field]
  }
  if (metadata['annotations'] !== undefined && !isMap(metadata['annotations']))
    throw badRequest('cannot read the object: because its metadata.annotations is no map')
}

function readOptions(options: Fields): Fields {
  const read = pickFields(options, optionFields)
  const { size } = read
  if (isMap(size)) read['size'] = { columns: clampSize(size['columns']), rows: clampSize(size['rows']) }
  return read
}

/** A terminal's size is 16 bits. */
function clampSize(value: unknown): number {
  return typeof value === 'number' && value >= 1 ? Math.min(Math.floor(value), 65_535) : 80
}

function pickFields(from: Fields, types: Record<string, string>): Fields {
  const picked: Fields = {}
  for (const [field, type] of Object.entries(types)) {
    const value = from[field]
    if (value === undefined && !type.endsWith('!')) continue
    if (value === undefined || !hasType(value, type.replace('!', '') as FieldType))
      throw badRequest(
        `cannot read the request: because its ${field} is not what it should be (${type.replace('!', '')})`,
      )
    picked[field] = value
  }
  return picked
}

function hasType(value: unknown, type: FieldType): boolean {
  if (type === 'any') return true
  if (type === 'object') return isMap(value)
  if (type === 'number') return Number.isInteger(value) && (value as number) >= 0
  if (type !== 'strings') return typeof value === type
  return Array.isArray(value) && value.length <= maxListLength && value.every(item => typeof item === 'string')
}
