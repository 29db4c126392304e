import test from 'ava'
import { addWhatNode20Lacks } from '../../../images/program/node-20.ts'

// Deleted here as Node 20 never had them; each test file is a process of its own.
const own = { withResolvers: Promise.withResolvers, groupBy: Map.groupBy }
Object.assign(Promise, { withResolvers: undefined })
Object.assign(Map, { groupBy: undefined })
addWhatNode20Lacks()

test('a promise comes with what settles it', async t => {
  t.not(Promise.withResolvers, own.withResolvers)
  const kept = Promise.withResolvers<number>()
  kept.resolve(7)
  t.is(await kept.promise, 7)
  const broken = Promise.withResolvers<number>()
  broken.reject(new Error('no'))
  await t.throwsAsync(broken.promise, { message: 'no' })
})

test('items are grouped as Node groups them', t => {
  t.not(Map.groupBy, own.groupBy)
  const items = ['one', 'two', 'three', 'four']
  t.deepEqual(
    Map.groupBy(items, ({ length }) => length),
    Reflect.apply(own.groupBy, Map, [items, ({ length }: string) => length]),
  )
  t.deepEqual(
    [...Map.groupBy(items, (_, index) => index % 2)],
    [
      [0, ['one', 'three']],
      [1, ['two', 'four']],
    ],
  )
})

test('what is there already stays', t => {
  const mine = Promise.withResolvers
  addWhatNode20Lacks()
  t.is(Promise.withResolvers, mine)
})
