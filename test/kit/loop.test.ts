import test from 'ava'
import { FakeClock } from '../../kit/fake-clock.ts'
import { Loop } from '../../kit/loop.ts'

test('a loop runs at once, then at its interval, until it is stopped', async t => {
  const clock = new FakeClock()
  let runs = 0
  const loop = new Loop({
    clock,
    intervalMs: 100,
    run: async () => void runs++,
    onError: error => t.fail(String(error)),
  })
  loop.start()
  await clock.advance(350)
  t.is(runs, 4)
  await loop.stop()
  await clock.advance(1000)
  t.is(runs, 4)
})

test('pokes during a run make one more run, right after it', async t => {
  const clock = new FakeClock()
  const gates: Array<() => void> = []
  const run = (): Promise<void> => new Promise(resolve => gates.push(resolve))
  const loop = new Loop({ clock, intervalMs: 1000, run, onError: error => t.fail(String(error)) })
  loop.start()
  for (let poke = 0; poke < 5; poke++) loop.poke()
  t.is(gates.length, 1)
  gates[0]?.()
  await clock.advance(0)
  t.is(gates.length, 2)
  gates[1]?.()
  await clock.advance(0)
  t.is(gates.length, 2)
  await loop.stop()
})

test('a failing run is reported, and the next one comes at its time', async t => {
  const clock = new FakeClock()
  const errors: unknown[] = []
  const run = async (): Promise<void> => {
    throw new Error('broken')
  }
  const loop = new Loop({ clock, intervalMs: 100, run, onError: error => errors.push(error) })
  loop.start()
  await clock.advance(250)
  t.is(errors.length, 3)
  await loop.stop()
})

test('stop waits for the run under way', async t => {
  const clock = new FakeClock()
  const gate = Promise.withResolvers<void>()
  let ended = false
  const run = async (): Promise<void> => {
    await gate.promise
    ended = true
  }
  const loop = new Loop({ clock, intervalMs: 100, run, onError: error => t.fail(String(error)) })
  loop.start()
  const stopping = loop.stop()
  t.false(ended)
  gate.resolve()
  await stopping
  t.true(ended)
})
