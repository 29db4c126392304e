import test from 'ava'
import fc from 'fast-check'
import { backoffMs } from '../../kit/backoff.ts'
import { seededRandom, systemRandom } from '../../kit/random.ts'

test('the delay doubles from the floor to the ceiling and stays there', t => {
  const delays = [0, 1, 2, 3, 4, 5, 1000].map(attempt => backoffMs(attempt, { minMs: 100, maxMs: 1500 }))
  t.deepEqual(delays, [100, 200, 400, 800, 1500, 1500, 1500])
})

test('jitter takes away at most its share', t => {
  fc.assert(
    fc.property(
      fc.nat(50),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, jitter, x) => {
        const options = { minMs: 10, maxMs: 5000 }
        const whole = backoffMs(attempt, options)
        const delay = backoffMs(attempt, { ...options, jitter, random: () => x })
        t.true(delay <= whole + 1e-6 && delay >= whole * (1 - jitter) - 1e-6)
      },
    ),
  )
})

test('the same seed gives the same numbers, and another seed others', t => {
  const draw = (seed: number): unknown => {
    const random = seededRandom(seed)
    return [random.number(), random.uuid(), random.suffix(5)]
  }
  t.deepEqual(draw(1), draw(1))
  t.notDeepEqual(draw(1), draw(2))
})

for (const [name, random] of [
  ['system', systemRandom],
  ['seeded', seededRandom(3)],
] as const) {
  test(`${name} randomness has the shapes that names and ids need`, t => {
    for (let round = 0; round < 200; round++) {
      const number = random.number()
      t.true(number >= 0 && number < 1)
      t.regex(random.uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      t.regex(random.suffix(5), /^[bcdfghjklmnpqrstvwxz2456789]{5}$/)
    }
  })
}
