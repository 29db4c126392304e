import test from 'ava'
import fc from 'fast-check'
import { readObject } from '../../../contract/resources/admit.ts'
import { kinds } from '../../../contract/resources/kinds.ts'
import { maxObjectBytes } from '../../../contract/wire/limits.ts'
import { CodedError } from '../../../kit/errors.ts'
import { configMap, deployment, pod, service } from './objects.ts'

test('a right object comes back with its kind and its defaults, and without warnings', t => {
  const { object, kind, problems, warnings } = readObject(deployment())
  t.deepEqual([problems, warnings], [[], []])
  t.is(kind?.plural, 'deployments')
  t.like(object, { spec: { replicas: 1, template: { spec: { restartPolicy: 'Always' } } } })
})

test('what was read reads the same again', t => {
  for (const given of [deployment(), pod(), service({ type: 'NodePort' }), configMap({ data: { a: '1' } })]) {
    const once = readObject(given).object
    t.deepEqual(readObject(once).object, once)
  }
})

test('warnings speak of what was written, never of defaults', t => {
  const limits = { cpu: '1', 'ephemeral-storage': '1Gi' }
  const { warnings } = readObject(pod({ containers: [{ name: 'a', image: 'a', resources: { limits } }] }))
  t.deepEqual(warnings, [
    'spec.containers[0].resources.limits.ephemeral-storage: kept, but Flotilla does not act on it yet',
  ])
})

const unknown: Array<[what: string, value: unknown, path: string, message: RegExp]> = [
  ['nothing', null, '', /must be an object with apiVersion and kind, not nothing/],
  ['a text', 'hello', '', /not the text "hello"/],
  ['a list', [], '', /not a list/],
  ['an object of no kind', { apiVersion: 'v1' }, 'kind', /is required/],
  ['an object of no version', { kind: 'Pod' }, 'apiVersion', /is required/],
  ['a kind that is a number', { apiVersion: 'v1', kind: 5 }, 'kind', /must be text, not the number 5/],
  [
    'a misspelt kind',
    { apiVersion: 'apps/v1', kind: 'Deploymnt' },
    'kind',
    /did you mean Deployment\? Flotilla has Namespace, /,
  ],
  ['a kind like no other', { apiVersion: 'v1', kind: 'Zebra' }, 'kind', /^unknown kind "Zebra": Flotilla has/],
  [
    'a kind in the wrong group',
    { apiVersion: 'extensions/v1beta1', kind: 'Deployment' },
    'apiVersion',
    /^Deployment belongs to apps\/v1, not to "extensions\/v1beta1"$/,
  ],
  [
    'a kind that is only measured',
    { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'NodeMetrics' },
    'kind',
    /can be read, not written/,
  ],
  ['a kind that objects inherit', { apiVersion: 'v1', kind: 'constructor' }, 'kind', /^unknown kind/],
]

for (const [what, value, path, message] of unknown)
  test(`${what} is refused`, t => {
    const { problems, kind } = readObject(value)
    t.is(kind, undefined)
    t.deepEqual(
      problems.map(problem => problem.path),
      [path],
    )
    t.regex(problems[0]?.message ?? '', message)
  })

test('rules are checked only once the shape is right', t => {
  const object = service({ ports: [{ port: 99_999 }], tpye: 'NodePort' })
  t.deepEqual(readObject(object).problems, [{ path: 'spec.tpye', message: 'unknown field: did you mean "type"?' }])
  t.deepEqual(
    readObject(service({ ports: [{ port: 99_999 }] })).problems.map(({ path }) => path),
    ['spec.ports[0].port'],
  )
})

test('an object of 2 MB is refused with a code of its own', t => {
  const large = configMap({ data: { a: 'x'.repeat(2 * maxObjectBytes) } })
  const error = t.throws(() => readObject(large), { instanceOf: CodedError })
  t.is(error.code, 'RequestEntityTooLarge')
  t.regex(error.message, /^cannot take "ConfigMap": because it is \d+ bytes of JSON, and the limit is 1048576$/)
})

test('an object that is too deep is refused before anything walks it', t => {
  let deep: unknown = 'bottom'
  for (let level = 0; level < 100_000; level += 1) deep = [deep]
  t.regex(readObject({ apiVersion: 'v1', kind: 'Pod', spec: deep }).problems[0]?.message ?? '', /more than 64 levels/)
})

test('a flood of problems is cut off and counted', t => {
  const labels = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`key${index}`, index]))
  const { problems } = readObject({ ...pod(), metadata: { name: 'web', labels } })
  t.is(problems.length, 101)
  t.is(problems.at(-1)?.message, 'and 50 more problems')
})

const anything = fc.jsonValue({ maxDepth: 4 })
const fieldName = fc.constantFrom(
  'name',
  'namespace',
  'spec',
  'status',
  'data',
  'selector',
  'template',
  'ports',
  'containers',
  'labels',
)
const almost = fc.record({
  kind: fc.constantFrom(...kinds.map(({ kind }) => kind)),
  apiVersion: fc.constantFrom('v1', 'apps/v1', 'discovery.k8s.io/v1'),
  metadata: fc.oneof(anything, fc.record({ name: fc.string(), labels: anything })),
  spec: fc.oneof(anything, fc.dictionary(fieldName, anything)),
})

test('no JSON whatever makes the reader throw', t => {
  fc.assert(
    fc.property(fc.oneof(anything, almost), value => {
      const { problems, kind } = readObject(value)
      return problems.length > 0 || kind !== undefined
    }),
    { numRuns: 1000 },
  )
  t.pass()
})

/** One place of a right object, overwritten. */
const spoilt = fc.tuple(
  fc.constantFrom(deployment(), pod(), service(), configMap({ data: { a: '' } })),
  fc.infiniteStream(fc.nat()),
  anything,
)

test('a right object that is spoilt in one place never makes the reader throw', t => {
  fc.assert(
    fc.property(spoilt, ([object, choices, value]) => {
      const copy = structuredClone(object) as Record<string, unknown>
      spoil(copy, () => choices.next().value as number, value)
      readObject(copy)
      return true
    }),
    { numRuns: 1000 },
  )
  t.pass()
})

function spoil(part: Record<string, unknown>, choose: () => number, value: unknown): void {
  const fields = Object.keys(part)
  const field = fields[choose() % fields.length] ?? 'new'
  const inner = part[field]
  const goesOn = typeof inner === 'object' && inner !== null && choose() % 3 > 0
  if (goesOn) spoil(inner as Record<string, unknown>, choose, value)
  else part[field] = value
}
