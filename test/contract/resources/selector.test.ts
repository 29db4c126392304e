import test from 'ava'
import fc from 'fast-check'
import type { AnyObject, LabelSelector } from '../../../contract/resources/meta.ts'
import {
  type Labels,
  matchesLabels,
  matchesSelector,
  parseFieldSelector,
  parseLabelSelector,
  requirementsOf,
} from '../../../contract/resources/selector.ts'
import { CodedError } from '../../../kit/errors.ts'

const web = { app: 'web', tier: 'front', rank: '3', 'example.com/zone': '' }

const matching = [
  '',
  ' ',
  'app=web',
  'app==web',
  'app = web',
  'app!=db',
  'other!=db',
  'app in (web,db)',
  'app in ( web , db )',
  'app notin (db)',
  'other notin (db)',
  'app',
  '!other',
  'app=web,tier=front,!other',
  'rank>2',
  'rank<4',
  'example.com/zone=',
  'example.com/zone',
  'app in (web),tier notin (back,middle),rank',
]
const failing = [
  'app=db',
  'app!=web',
  'app in (db)',
  'app notin (web,db)',
  'other',
  '!app',
  'app=web,tier=back',
  'rank>3',
  'rank<3',
  'app>1',
  'other=',
]

for (const text of matching)
  test(`"${text}" selects the web pod`, t => {
    t.true(matchesLabels(parseLabelSelector(text), web))
  })

for (const text of failing)
  test(`"${text}" does not select the web pod`, t => {
    t.false(matchesLabels(parseLabelSelector(text), web))
  })

const unreadable = [
  'app=web,,tier',
  ',',
  'app=web=db',
  'app in web',
  'app in (web',
  'a b',
  '=web',
  'app>x',
  'app=-web-',
  'a/b/c=d',
  'app=ä',
  `a=${'x'.repeat(64)}`,
  'x'.repeat(20_000),
]

for (const text of unreadable)
  test(`"${text.slice(0, 20)}" is refused as a label selector`, t => {
    const error = t.throws(() => parseLabelSelector(text), { instanceOf: CodedError })
    t.is(error.code, 'BadRequest')
    t.true(error.message.length < 500)
  })

test('an empty LabelSelector matches everything, an absent one nothing', t => {
  t.true(matchesSelector({}, undefined))
  t.true(matchesSelector({}, web))
  t.false(matchesSelector(undefined, web))
})

test('matchLabels and matchExpressions must all hold', t => {
  const selector: LabelSelector = {
    matchLabels: { app: 'web' },
    matchExpressions: [
      { key: 'tier', operator: 'In', values: ['front', 'back'] },
      { key: 'gone', operator: 'DoesNotExist' },
    ],
  }
  t.true(matchesSelector(selector, web))
  t.false(matchesSelector(selector, { app: 'web' }))
  t.false(matchesSelector(selector, { ...web, gone: '' }))
  t.deepEqual(
    requirementsOf(selector).map(({ operator }) => operator),
    ['In', 'In', 'DoesNotExist'],
  )
})

test('names that objects inherit are no labels', t => {
  t.false(matchesLabels(parseLabelSelector('constructor'), {}))
  t.false(matchesLabels(parseLabelSelector('toString'), undefined))
})

const word = fc.constantFrom('a', 'b', 'c', 'd')
const labels: fc.Arbitrary<Labels> = fc.dictionary(word, word)

test('each operator and its opposite divide all objects', t => {
  fc.assert(
    fc.property(labels, word, word, (given, key, value) => {
      const holds = (text: string): boolean => matchesLabels(parseLabelSelector(text), given)
      return (
        holds(`${key}=${value}`) !== holds(`${key}!=${value}`) &&
        holds(`${key} in (${value})`) !== holds(`${key} notin (${value})`) &&
        holds(key) !== holds(`!${key}`) &&
        holds(`${key}=${value}`) === matchesSelector({ matchLabels: { [key]: value } }, given)
      )
    }),
  )
  t.pass()
})

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', namespace: 'default', labels: { app: 'web' } },
  spec: { nodeName: 'board-1', hostNetwork: true, priority: 5, containers: [] },
  status: { phase: 'Running' },
} satisfies AnyObject

const fieldTerms: Array<[text: string, selects: boolean]> = [
  ['', true],
  ['metadata.name=web-1', true],
  ['metadata.name==web-1', true],
  ['metadata.name!=web-1', false],
  ['metadata.name=web-1,status.phase=Running', true],
  ['metadata.name=web-1,status.phase!=Running', false],
  ['spec.nodeName=', false],
  ['spec.unknown=', true],
  ['spec.unknown!=x', true],
  ['spec.hostNetwork=true', true],
  ['spec.priority=5', true],
  ['spec.containers=', true],
  ['metadata.labels.app=web', true],
  ['constructor.name=Object', false],
]

for (const [text, selects] of fieldTerms)
  test(`field selector "${text}" ${selects ? 'selects' : 'leaves out'} the pod`, t => {
    t.is(parseFieldSelector(text)(pod), selects)
  })

test('a backslash takes a separator literally', t => {
  const named = { ...pod, metadata: { name: 'a,b=c\\d' } }
  t.true(parseFieldSelector('metadata.name=a\\,b\\=c\\\\d')(named))
})

test('what is no field selector is refused', t => {
  for (const text of ['metadata.name', '=x', 'a=b=c', 'a in (b)', 'x'.repeat(20_000)]) {
    t.is(t.throws(() => parseFieldSelector(text), { instanceOf: CodedError }).code, 'BadRequest', text.slice(0, 20))
  }
})

test('any text is read or refused with a code, never more', t => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab=!<>(),. in\\/') }), text => {
      for (const parse of [parseLabelSelector, parseFieldSelector]) {
        try {
          parse(text)
        } catch (error) {
          if (!(error instanceof CodedError)) return false
        }
      }
      return true
    }),
  )
  t.pass()
})
