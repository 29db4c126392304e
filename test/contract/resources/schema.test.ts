import { readFileSync } from 'node:fs'
import test from 'ava'
import { generateSchema, renderSchema } from '../../../contract/resources/generate-schema.ts'
import { findKind, type Kind } from '../../../contract/resources/kinds.ts'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import { readShape } from '../../../contract/resources/schema.ts'
import { container, deployment, pod, service } from './objects.ts'

const problemsIn = (object: unknown, kind: Kind) => readShape(object, kind).problems
const podKind = findKind('v1', 'Pod') as Kind
const kindOf = ({ apiVersion, kind }: AnyObject): Kind => findKind(apiVersion, kind) as Kind

test('the committed table is what the generator makes of the kinds and the client', t => {
  const committed = readFileSync(new URL('../../../contract/resources/schema.generated.json', import.meta.url), 'utf8')
  t.is(committed, renderSchema(generateSchema()), 'run node contract/resources/generate-schema.ts')
})

test('right objects have no problems', t => {
  for (const object of [pod(), deployment(), service()]) t.deepEqual(problemsIn(object, kindOf(object)), [])
})

const problems: Array<[what: string, spec: Record<string, unknown>, path: string, message: string]> = [
  ['an unknown field', { container: [] }, 'spec.container', 'unknown field: did you mean "containers"?'],
  ['an unknown field like no other', { qqqqqq: 1 }, 'spec.qqqqqq', 'unknown field'],
  ['a field that every object inherits', { constructor: 1 }, 'spec.constructor', 'unknown field'],
  ['a number for text', { hostname: 5 }, 'spec.hostname', 'must be text, not the number 5: put it in quotes'],
  ['yes for text', { hostname: true }, 'spec.hostname', 'must be text, not the boolean true: put it in quotes'],
  ['a list for text', { hostname: ['a'] }, 'spec.hostname', 'must be text, not a list'],
  ['text for yes or no', { hostNetwork: 'yes' }, 'spec.hostNetwork', 'must be true or false, not the text "yes"'],
  [
    'half a second',
    { activeDeadlineSeconds: 1.5 },
    'spec.activeDeadlineSeconds',
    'must be a whole number, not the number 1.5',
  ],
  [
    'too many of 32 bits',
    { priority: 2 ** 31 },
    'spec.priority',
    'must be a whole number up to 2147483647, not the number 2147483648',
  ],
  ['a map for a list', { tolerations: { key: 'x' } }, 'spec.tolerations', 'must be a list, not an object'],
  ['nothing as an item', { tolerations: [null] }, 'spec.tolerations[0]', 'must be an object with fields, not nothing'],
  [
    'text for an object',
    { securityContext: 'x' },
    'spec.securityContext',
    'must be an object with fields, not the text "x"',
  ],
  ['a list for a map', { nodeSelector: ['a'] }, 'spec.nodeSelector', 'must be a map of names to values, not a list'],
  [
    'a number in a map',
    { nodeSelector: { 'a.b/c': 1 } },
    'spec.nodeSelector["a.b/c"]',
    'must be text, not the number 1: put it in quotes',
  ],
  [
    'no quantity',
    { overhead: { cpu: 'lots' } },
    'spec.overhead.cpu',
    'must be a quantity such as 250m, 1.5 or 64Mi, not the text "lots"',
  ],
  ['a container without a name', { containers: [{ image: 'x' }] }, 'spec.containers[0].name', 'is required'],
  ['no containers at all', { containers: null }, 'spec.containers', 'is required'],
]

for (const [what, spec, path, message] of problems)
  test(`${what} is told with its path`, t => {
    t.deepEqual(problemsIn(pod(spec), podKind), [{ path, message }])
  })

test('a port may be a number or a name, and nothing else', t => {
  const withPort = (port: unknown) => pod({ containers: [container({ livenessProbe: { httpGet: { port } } })] })
  t.deepEqual(problemsIn(withPort(80), podKind), [])
  t.deepEqual(problemsIn(withPort('http'), podKind), [])
  t.is(problemsIn(withPort(1.5), podKind)[0]?.path, 'spec.containers[0].livenessProbe.httpGet.port')
})

test('times and bytes have their own spelling', t => {
  const stamped = (creationTimestamp: unknown) => ({ ...pod(), metadata: { name: 'web', creationTimestamp } })
  t.deepEqual(problemsIn(stamped('2026-01-31T12:00:00Z'), podKind), [])
  t.deepEqual(problemsIn(stamped('2026-01-31T12:00:00.123456+01:00'), podKind), [])
  for (const wrong of ['2026-01-31', '2026-13-31T12:00:00Z', 'now', 5]) {
    t.is(problemsIn(stamped(wrong), podKind)[0]?.path, 'metadata.creationTimestamp', String(wrong))
  }
  const configMapKind = findKind('v1', 'ConfigMap') as Kind
  const withBytes = (text: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', binaryData: { a: text } })
  t.deepEqual(problemsIn(withBytes('aGVsbG8='), configMapKind), [])
  t.is(problemsIn(withBytes('hello!'), configMapKind)[0]?.message, 'must be text in base64, not the text "hello!"')
})

test('all problems are told at once, in the order of the fields', t => {
  const object = { ...pod({ hostname: 1, nodeName: 2 } as never), other: 3 }
  t.deepEqual(
    problemsIn(object, podKind).map(({ path }) => path),
    ['spec.hostname', 'spec.nodeName', 'other'],
  )
})

test('a field with null counts as absent, and a label with null as empty', t => {
  const object = {
    ...pod({ hostname: null } as never),
    metadata: { name: 'web', creationTimestamp: null, labels: { a: null } },
  }
  const { object: read, problems: found } = readShape(object, podKind)
  t.deepEqual(found, [])
  t.deepEqual(read, { ...pod(), metadata: { name: 'web', labels: { a: '' } } })
})

test('quantities are kept in their canonical spelling, numbers among them', t => {
  const resources = { limits: { cpu: 0.5, memory: '1024Mi' }, requests: { cpu: '0.25' } }
  const { object } = readShape(pod({ containers: [container({ resources } as never)] }), podKind)
  t.like(object, {
    spec: { containers: [{ resources: { limits: { cpu: '500m', memory: '1Gi' }, requests: { cpu: '250m' } } }] },
  })
})

test('a key called __proto__ stays a key', t => {
  const object = JSON.parse('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"__proto__":"y"}}')
  const { object: read } = readShape(object, findKind('v1', 'ConfigMap') as Kind)
  t.deepEqual(Object.keys(read['data'] as object), ['__proto__'])
  t.deepEqual(
    problemsIn(JSON.parse('{"__proto__": 1}'), podKind).map(({ path }) => path),
    ['__proto__'],
  )
})
