import test from 'ava'
import { FakeClock } from '../../kit/fake-clock.ts'
import { WorkQueue, type WorkQueueOptions } from '../../kit/work-queue.ts'

function queueOf(work: WorkQueueOptions['work'], options: Partial<WorkQueueOptions> = {}) {
  const clock = new FakeClock()
  const errors: Array<[key: string, retryMs: number]> = []
  const onError = (key: string, _error: unknown, retryMs: number): void => void errors.push([key, retryMs])
  const queue = new WorkQueue({ work, clock, onError, backoff: { minMs: 10, maxMs: 1000 }, ...options })
  return { clock, errors, queue }
}

test('a key that is added often while it waits is worked on once', async t => {
  const worked: string[] = []
  const { queue } = queueOf(async key => void worked.push(key))
  for (const key of ['first', 'a', 'b', 'a', 'a']) queue.add(key)
  await queue.idle()
  t.deepEqual(worked, ['first', 'a', 'b'])
})

test('a key that is added while it is worked on is worked on once more, never twice at a time', async t => {
  let [busy, most, runs] = [0, 0, 0]
  const gate = Promise.withResolvers<void>()
  const { queue } = queueOf(
    async () => {
      most = Math.max(most, ++busy)
      if (++runs === 1) await gate.promise
      busy--
    },
    { concurrency: 4 },
  )
  for (let round = 0; round < 3; round++) queue.add('a')
  gate.resolve()
  await queue.idle()
  t.is(most, 1)
  t.is(runs, 2)
})

test('no more keys are under way than allowed', async t => {
  let [busy, most] = [0, 0]
  const { queue } = queueOf(
    async () => {
      most = Math.max(most, ++busy)
      await new Promise(resolve => setImmediate(resolve))
      busy--
    },
    { concurrency: 3 },
  )
  for (let key = 0; key < 20; key++) queue.add(`${key}`)
  await queue.idle()
  t.is(most, 3)
})

test('a failure is reported and tried again, later each time, and forgotten after a success', async t => {
  let runs = 0
  const { clock, errors, queue } = queueOf(async () => {
    if (++runs <= 3 || runs === 5) throw new Error('not yet')
  })
  queue.add('a')
  await clock.advance(10_000)
  t.is(runs, 4)
  queue.add('a')
  await clock.advance(10_000)
  t.is(runs, 6)
  t.deepEqual(errors, [
    ['a', 10],
    ['a', 20],
    ['a', 40],
    ['a', 10],
  ])
})

test('a delayed key comes when its time has come, and not after a stop', async t => {
  const worked: string[] = []
  const { clock, queue } = queueOf(async key => void worked.push(key))
  queue.addAfter('soon', 100)
  queue.addAfter('late', 1000)
  await clock.advance(99)
  t.deepEqual(worked, [])
  await clock.advance(1)
  t.deepEqual(worked, ['soon'])
  await queue.stop()
  queue.add('after the stop')
  await clock.advance(10_000)
  t.deepEqual(worked, ['soon'])
})

test('stop waits for what is under way', async t => {
  const gate = Promise.withResolvers<void>()
  let ended = false
  const { queue } = queueOf(async () => {
    await gate.promise
    ended = true
  })
  queue.add('a')
  const stopping = queue.stop()
  gate.resolve()
  await stopping
  t.true(ended)
})
