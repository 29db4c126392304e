import test from 'ava'
import fc from 'fast-check'
import { coversFilter, matchesTopic } from '../../../kit/bus/topic-match.ts'

const rows: Array<[filter: string, topic: string, matches: boolean]> = [
  ['a/b', 'a/b', true],
  ['a/b', 'a/b/c', false],
  ['a/+', 'a/b', true],
  ['a/+', 'a', false],
  ['a/+', 'a/', true],
  ['a/+/c', 'a/b/c', true],
  ['+', '/a', false],
  ['+/+', '/a', true],
  ['#', 'a/b/c', true],
  ['a/#', 'a', true],
  ['a/#', 'a/b/c', true],
  ['a/#', 'ab', false],
  ['#', '$SYS/x', false],
  ['+/x', '$SYS/x', false],
  ['$SYS/#', '$SYS/x', true],
]

for (const [filter, topic, matches] of rows) {
  test(`"${filter}" ${matches ? 'matches' : 'does not match'} "${topic}"`, t => {
    t.is(matchesTopic(filter, topic), matches)
  })
}

const level = fc.constantFrom('a', 'b', '', '$x')
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map(levels => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, open]) => [...levels, ...(open ? ['#'] : [])].join('/'))

test('a filter covers another one only if it matches all that the other matches', t => {
  fc.assert(
    fc.property(filters, filters, topics, (wide, narrow, topic) => {
      if (coversFilter(wide, narrow) && matchesTopic(narrow, topic)) t.true(matchesTopic(wide, topic))
    }),
    { numRuns: 2000 },
  )
  t.true(coversFilter('a/#', 'a/+/b'))
  t.true(coversFilter('a/+', 'a/b'))
  t.false(coversFilter('a/+', 'a/#'))
})
