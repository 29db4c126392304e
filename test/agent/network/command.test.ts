/** Programs that are missing, late, or fail. */
import test from 'ava'
import { createCommandRunner } from '../../../agent/network/command.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'

const clock = new FakeClock()
const run = createCommandRunner({ clock })

test('a command gets its input and gives its output', async t => {
  t.is(await run(['cat'], { stdin: 'hello' }), 'hello')
})

test('a failure carries the program’s own words', async t => {
  const failing = run(['sh', '-c', 'echo no such set >&2; exit 3'])
  await t.throwsAsync(failing, { code: 'InternalError', message: /because no such set$/ })
})

test('a failure without words tells the status, and an allowed status is none', async t => {
  await t.throwsAsync(run(['sh', '-c', 'exit 3']), { message: /because it ended with status 3/ })
  t.is(await run(['sh', '-c', 'exit 3'], { allowed: [0, 3] }), '')
})

test('a missing program is told apart, also behind a prefix', async t => {
  await t.throwsAsync(run(['no-such-program']), { code: 'NotFound' })
  const behind = createCommandRunner({ clock, prefix: ['env'] })
  await t.throwsAsync(behind(['no-such-program']), { code: 'NotFound' })
})

test('a program that hangs is killed at its deadline', async t => {
  const late = createCommandRunner({ clock: { now: () => 0, monotonic: () => 0, after: (_ms, then) => soon(then) } })
  await t.throwsAsync(late(['sleep', '600']), { code: 'Timeout', message: /longer than 30000 ms/ })
})

test('a program that ends before it has read its input is no crash', async t => {
  t.is(await run(['true'], { stdin: 'x'.repeat(1_000_000) }), '')
})

function soon(then: () => void): () => void {
  const timer = setImmediate(then)
  return () => clearImmediate(timer)
}
