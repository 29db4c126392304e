import test from 'ava'
import fc from 'fast-check'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { conversations, feedBroker } from './broker-bytes.ts'
import { decoders } from './decoders.ts'
import { fuzz } from './harness.ts'

/** Of all decoders together; the nightly run has a hundred times as many. */
const totalRuns = 10_000
/** The same inputs each time: a change is judged by what it does. The nightly run takes new ones. */
const seed = 1
const shares = decoders.reduce((sum, { weight = 1 }) => sum + weight, 0)

for (const decoder of decoders) {
  test.serial(`no input breaks the decoder of ${decoder.name}`, async t => {
    const runs = Math.ceil((totalRuns * (decoder.weight ?? 1)) / shares)
    const { refused } = await fuzz(decoder, runs, seed)
    t.log(`${runs} inputs, ${refused} refused`)
    t.true(refused <= runs)
  })
}

test.serial('the broker reads the bytes that it is fed', async t => {
  const [first, second] = conversations
  t.is((await feedBroker(second!)).retainedMessages, 1)
  t.is((await feedBroker(first!)).retainedMessages, 0)
  t.deepEqual((await feedBroker(Buffer.from('GET / HTTP/1.1'))).refused, { malformed: 1 })
})

test.serial('a decoder that breaks would be found', async t => {
  const input = fc.string()
  const breaks = fuzz({ name: 'x', input, decode: text => (text.length > 3 ? JSON.parse('{') : text) }, 1000, 7)
  const broken = await t.throwsAsync(breaks, { message: /Counterexample/ })
  t.true(broken?.cause instanceof SyntaxError)
  const floods = fuzz({ name: 'y', input, decode: () => refuse('x'.repeat(100_000)) }, 10, 7)
  const flooded = await t.throwsAsync(floods, { message: /Counterexample/ })
  t.regex(messageOf(flooded?.cause), /the refusal is/)
})

function refuse(message: string): never {
  throw new CodedError('BadRequest', message)
}
