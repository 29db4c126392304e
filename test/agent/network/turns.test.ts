/** One after the other. */
import test from 'ava'
import { Turns } from '../../../agent/network/turns.ts'

test('jobs run in order and never two at once, and one that fails stops none', async t => {
  const turns = new Turns()
  const seen: string[] = []
  const job =
    (name: string, fails = false) =>
    async (): Promise<void> => {
      seen.push(`${name} begins`)
      await new Promise(resolve => setImmediate(resolve))
      seen.push(`${name} ends`)
      if (fails) throw new Error(name)
    }
  const results = await Promise.allSettled([turns.run(job('a')), turns.run(job('b', true)), turns.run(job('c'))])
  t.deepEqual(
    results.map(result => result.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  t.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

test('too many that wait are refused, and there is room again later', async t => {
  const turns = new Turns()
  const waiting = Array.from({ length: 64 }, () => turns.run(async () => undefined))
  await t.throwsAsync(
    turns.run(async () => undefined),
    { code: 'TooManyRequests' },
  )
  await Promise.all(waiting)
  t.is(await turns.run(async () => 'in'), 'in')
})
