import test from 'ava'
import { Turns } from '../../../agent/reconcile/turns.ts'

test('no more are at work than may be, and each gets its turn in order', async t => {
  const turns = new Turns(2)
  const gates = Array.from({ length: 6 }, () => Promise.withResolvers<void>())
  const begun: number[] = []
  let [busy, most] = [0, 0]
  const all = gates.map((gate, index) =>
    turns.take(async () => {
      begun.push(index)
      most = Math.max(most, ++busy)
      await gate.promise
      busy--
      return index
    }),
  )
  t.deepEqual(begun, [0, 1])
  for (const { resolve } of gates) resolve()
  t.deepEqual(await Promise.all(all), [0, 1, 2, 3, 4, 5])
  t.deepEqual(begun, [0, 1, 2, 3, 4, 5])
  t.is(most, 2)
})

test('a failure is told to who failed, and gives its turn on', async t => {
  const turns = new Turns(1)
  const failing = turns.take(() => Promise.reject(new Error('not today')))
  const next = turns.take(async () => 'done')
  await t.throwsAsync(failing, { message: 'not today' })
  t.is(await next, 'done')
  t.is(await turns.take(async () => 'again'), 'again')
})
