import test from 'ava'
import { sleep, systemClock, timestamp } from '../../kit/clock.ts'
import { FakeClock } from '../../kit/fake-clock.ts'

test('a fake clock runs what is due in order of time, then of asking', async t => {
  const clock = new FakeClock()
  const ran: string[] = []
  clock.after(20, () => ran.push('later'))
  clock.after(10, () => ran.push('first'))
  clock.after(10, () => ran.push('second'))
  clock.after(30, () => ran.push('too late'))
  clock.after(15, () => ran.push('cancelled'))()
  await clock.advance(20)
  t.deepEqual(ran, ['first', 'second', 'later'])
  t.is(clock.monotonic(), 20)
})

test('what a timer starts within the time that passes runs in it too', async t => {
  const clock = new FakeClock()
  let ticks = 0
  const tick = (): void => {
    ticks++
    clock.after(10, tick)
  }
  clock.after(10, tick)
  await clock.advance(100)
  t.is(ticks, 10)
})

test('sleep ends with time, or with the signal and its reason', async t => {
  const clock = new FakeClock()
  const slept = sleep(clock, 100)
  await clock.advance(100)
  await t.notThrowsAsync(slept)
  const abort = new AbortController()
  const broken = sleep(clock, 100, abort.signal)
  abort.abort(new Error('enough'))
  await t.throwsAsync(broken, { message: 'enough' })
  await t.throwsAsync(sleep(clock, 100, abort.signal), { message: 'enough' })
})

test('a timer of a month does not fire at once, and can be cancelled', async t => {
  let fired = false
  const cancel = systemClock.after(30 * 24 * 3600 * 1000, () => {
    fired = true
  })
  await sleep(systemClock, 5)
  t.false(fired)
  cancel()
})

test('a timestamp is RFC 3339 with whole seconds', t => {
  t.is(timestamp(new FakeClock(Date.UTC(2026, 1, 3, 4, 5, 6, 789))), '2026-02-03T04:05:06Z')
})
