import test from 'ava'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { RateLimit } from '../../../master/store/rate-limit.ts'

function createLimit(maxKeys = 10): { clock: FakeClock; limit: RateLimit; granted: (key: string) => number } {
  const clock = new FakeClock()
  const limit = new RateLimit({ clock, burst: 3, refillMs: 1000, maxKeys })
  const granted = (key: string): number => Array.from({ length: 10 }, () => limit.take(key)).filter(Boolean).length
  return { clock, limit, granted }
}

test('a burst at once, then one in each interval, never more than a burst', async t => {
  const { clock, granted } = createLimit()
  t.is(granted('a'), 3)
  await clock.advance(999)
  t.is(granted('a'), 0)
  await clock.advance(1)
  t.is(granted('a'), 1)
  await clock.advance(2500)
  t.is(granted('a'), 2)
  await clock.advance(500)
  t.is(granted('a'), 1, 'the half that was left counts')
  await clock.advance(60_000)
  t.is(granted('a'), 3)
})

test('each key has its own bucket, and the one unused for longest is forgotten', t => {
  const { granted } = createLimit(2)
  t.is(granted('a'), 3)
  t.is(granted('b'), 3)
  t.is(granted('a'), 0)
  t.is(granted('c'), 3)
  t.is(granted('a'), 0)
  t.is(granted('b'), 3)
})
