import test from 'ava'
import { placesOf, probeCapacity } from '../../../../cli/flash/disk/capacity.ts'
import { CodedError } from '../../../../kit/errors.ts'
import { createFakeTarget } from './fake-target.ts'
import { mib } from './sample-image.ts'

const sample = 64 * 1024

test('samples lie before each size that a drive could really have, and at its very end', t => {
  t.deepEqual(placesOf(300 * mib), [256 * mib - sample, 300 * mib - sample])
  t.deepEqual(placesOf(1024 * mib), [256 * mib - sample, 512 * mib - sample, 1024 * mib - sample])
  t.deepEqual(placesOf(mib), [mib - sample])
  t.true(placesOf(31_914_983_424).every(place => place % 4096 === 0))
})

test('an honest drive passes, and holds what it held before', async t => {
  const target = createFakeTarget({ capacity: 600 * mib })
  target.bytes.write('somebody keeps this', 600 * mib - sample)
  const before = Buffer.from(target.bytes.subarray(-sample))
  await probeCapacity(target)
  t.true(target.writes.length >= 4)
  t.true(before.equals(target.bytes.subarray(-sample)))
})

for (const beyond of ['wraps', 'keeps nothing'] as const)
  test(`a drive that ${beyond} behind its real end is found out, and keeps what it had`, async t => {
    const target = createFakeTarget({ capacity: 1024 * mib, real: 256 * mib, beyond })
    target.bytes.write('somebody keeps this', 256 * mib - sample)
    const before = Buffer.from(target.bytes.subarray(-sample))
    const error = await t.throwsAsync(probeCapacity(target), { instanceOf: CodedError })
    t.is(error.code, 'Conflict')
    t.regex(error.message, /says that it holds 1\.1 GB and does not: it is counterfeit/)
    t.true(before.equals(target.bytes.subarray(-sample)))
  })
