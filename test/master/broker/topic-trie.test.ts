import test from 'ava'
import fc from 'fast-check'
import { matchesTopic } from '../../../kit/bus/topic-match.ts'
import { TopicTrie } from '../../../master/broker/topic-trie.ts'

const level = fc.constantFrom('a', 'b', '', '$x')
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map(levels => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, open]) => [...levels, ...(open ? ['#'] : [])].join('/'))

test('the tree of topics finds exactly what matching one by one finds', t => {
  fc.assert(
    fc.property(
      fc.uniqueArray(topics, { maxLength: 30 }),
      fc.array(topics, { maxLength: 10 }),
      filters,
      (kept, gone, filter) => {
        const trie = new TopicTrie<string>()
        for (const topic of kept) trie.set(topic, topic)
        for (const topic of gone) trie.delete(topic)
        const left = kept.filter(topic => !gone.includes(topic))
        t.deepEqual([...trie.match(filter)].sort(), left.filter(topic => matchesTopic(filter, topic)).sort())
        t.is(trie.size, left.length)
      },
    ),
    { numRuns: 2000 },
  )
})

/** Branches visited to answer `filter` when `others` more topics are kept, and how many values were found. */
function costOf(filter: string, others: number): { visited: number; found: number } {
  const trie = new TopicTrie<number>()
  for (let index = 0; index < others; index++) trie.set(`fleet/nodes/board-${index}/wish/index`, index)
  for (let index = 0; index < 5; index++) trie.set(`fleet/network/docs/${index}`, index)
  const before = trie.visited
  const found = [...trie.match(filter)].length
  return { visited: trie.visited - before, found }
}

for (const filter of [
  'fleet/nodes/board-7/wish/index',
  'fleet/nodes/board-7/#',
  'fleet/network/docs/+',
  'fleet/network/#',
]) {
  test(`looking up ${filter} costs the same among 10 000 topics as among 100`, t => {
    const [few, many] = [costOf(filter, 100), costOf(filter, 10_000)]
    t.deepEqual(many, few)
    t.true(few.found > 0)
    t.true(few.visited <= 10, `${few.visited} branches`)
  })
}

test('a tree that was emptied holds no branches', t => {
  const trie = new TopicTrie<number>()
  for (let index = 0; index < 100; index++) trie.set(`a/${index}/b`, index)
  for (let index = 0; index < 100; index++) trie.delete(`a/${index}/b`)
  const before = trie.visited
  t.deepEqual([...trie.match('#')], [])
  t.is(trie.visited - before, 1)
})
