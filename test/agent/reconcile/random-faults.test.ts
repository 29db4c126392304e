/** Random wishes and random faults: whatever happens, the board settles on what is wished, and nothing runs twice or stops for nothing. */
import test from 'ava'
import fc from 'fast-check'
import { type Fault, FaultyBoard, type PodChoice } from './faulty-board.ts'

const choice: fc.Arbitrary<PodChoice> = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  restartPolicy: fc.constantFrom('Always', 'OnFailure', 'Never'),
  image: fc.constantFrom('web:1', 'web:2', 'late:1'),
  containers: fc.constantFrom(1, 2),
  deleted: fc.boolean(),
})
const method = fc.constantFrom(
  ...(['listPods', 'runSandbox', 'createContainer', 'startContainer', 'stopContainer'] as const),
  ...(['stopSandbox', 'removeSandbox', 'removePodCgroup', 'removeContainer', 'pullImage', 'imageStatus'] as const),
)
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ type: fc.constant('wish' as const), pods: fc.array(choice, { maxLength: 3 }) }),
  fc.record({ type: fc.constant('exit' as const), nth: fc.nat(5), exitCode: fc.constantFrom(0, 1) }),
  fc.record({ type: fc.constant('agent dies' as const), afterCalls: fc.nat(6) }),
  fc.record({ type: fc.constant('runtime fails' as const), method, times: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ type: fc.constant('wait' as const), seconds: fc.constantFrom(0, 1, 20, 700) }),
  fc.constant({ type: 'power cut' as const }),
  fc.constant({ type: 'settle' as const }),
)

test('after any faults the board runs exactly what is wished, and then leaves it alone', async t => {
  const property = fc.asyncProperty(fc.array(fault, { minLength: 1, maxLength: 12 }), async faults => {
    const board = await FaultyBoard.make()
    try {
      for (const one of faults) await board.meet(one)
      await board.settle()
      const calls = board.calls
      await board.pass(120)
      if (board.calls !== calls) throw new Error('it went on after it had settled')
      if (board.wrongs.length > 0) throw new Error(board.wrongs.join('; '))
    } finally {
      await board.remove()
    }
  })
  await t.notThrowsAsync(fc.assert(property, { numRuns: 60 }))
})

test('a new agent takes over what runs, however often it comes', async t => {
  const pods: PodChoice[] = ['a', 'b'].map(name => ({
    ...{ name, restartPolicy: 'Always', image: 'web:1', containers: 2, deleted: false },
  }))
  const board = await FaultyBoard.make()
  t.teardown(() => board.remove())
  await board.meet({ type: 'wish', pods })
  await board.settle()
  const before = await board.running()
  t.is(before.length, 4)
  for (let agents = 0; agents < 3; agents++) {
    await board.meet({ type: 'agent dies', afterCalls: 0 })
    await board.settle()
    await board.pass(120)
  }
  t.deepEqual(await board.running(), before)
})
