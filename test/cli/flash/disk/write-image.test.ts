import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { Patch } from '../../../../cli/flash/disk/patches.ts'
import type { FlashProgress } from '../../../../cli/flash/disk/progress.ts'
import { verifyImage } from '../../../../cli/flash/disk/verify-image.ts'
import { chunkBytes, writeImage } from '../../../../cli/flash/disk/write-image.ts'
import { CodedError } from '../../../../kit/errors.ts'
import { createFakeTarget } from './fake-target.ts'
import { mib, sampleDisk, sha256, sourceOf } from './sample-image.ts'

const disk = sampleDisk(10 * mib + 512 * 3)

async function refused(t: ExecutionContext, work: Promise<unknown>): Promise<CodedError> {
  return await t.throwsAsync(work, { instanceOf: CodedError })
}

test('the image is on the target byte for byte, and told by its sum', async t => {
  const target = createFakeTarget({ capacity: 32 * mib })
  const written = await writeImage({ source: sourceOf(disk), patches: [], target })
  t.is(written.bytes, disk.length)
  t.is(written.sha256, sha256(disk))
  t.true(disk.equals(target.bytes.subarray(0, disk.length)))
  await verifyImage({ target, written })
})

test('the partition table is wiped first and written last', async t => {
  const target = createFakeTarget({ capacity: 32 * mib })
  await writeImage({ source: sourceOf(disk), patches: [], target })
  const offsets = target.writes.map(({ offset }) => offset)
  const stream = offsets.slice(offsets.indexOf(0))
  t.deepEqual(stream, [0, chunkBytes, 2 * chunkBytes, 0])
})

test('nothing of an older table or array is left at the end of the drive', async t => {
  const target = createFakeTarget({ capacity: 32 * mib })
  await writeImage({ source: sourceOf(disk), patches: [], target })
  t.true(target.bytes.subarray(-mib).every(byte => byte === 0))
})

test('an image that ends within a block gets zeros up to the next', async t => {
  const odd = disk.subarray(0, 5 * mib + 100)
  const target = createFakeTarget({ capacity: 32 * mib })
  const written = await writeImage({ source: sourceOf(odd), patches: [], target })
  t.is(written.sha256, sha256(odd))
  t.true(target.bytes.subarray(odd.length, odd.length + 412).every(byte => byte === 0))
  await verifyImage({ target, written })
})

test('patches count, wherever the borders of chunks are', async t => {
  const border = fc.constantFrom(0, chunkBytes, 2 * chunkBytes).chain(at => fc.integer({ min: at - 50, max: at + 50 }))
  const patch = fc.record({
    offset: fc.oneof(border, fc.nat(disk.length - 5000)).map(at => Math.max(0, at)),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 4000 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(patch, { maxLength: 6 }), async (patches: Patch[]) => {
      const expected = Buffer.from(disk)
      for (const { offset, bytes } of patches) expected.set(bytes, offset)
      const target = createFakeTarget({ capacity: 16 * mib })
      const written = await writeImage({ source: sourceOf(disk), patches, target })
      t.true(expected.equals(target.bytes.subarray(0, disk.length)))
      t.is(written.sha256, sha256(expected))
    }),
    { numRuns: 15 },
  )
})

test('a patch that is longer than a chunk, and one that ends with the image', async t => {
  const patches = [
    { offset: 100, bytes: Buffer.alloc(2 * chunkBytes, 1) },
    { offset: disk.length - 3, bytes: Buffer.from('end') },
  ]
  const target = createFakeTarget({ capacity: 16 * mib })
  await writeImage({ source: sourceOf(disk), patches, target })
  t.true(patches[0]!.bytes.equals(target.bytes.subarray(100, 100 + 2 * chunkBytes)))
  t.is(target.bytes.toString('latin1', disk.length - 3, disk.length), 'end')
})

test('a patch behind the end of the image is an error, whether its size was known or not', async t => {
  const patches = [{ offset: disk.length - 2, bytes: Buffer.from('end') }]
  for (const knowsSize of [true, false]) {
    const target = createFakeTarget({ capacity: 16 * mib })
    const work = writeImage({ source: sourceOf(disk, knowsSize), patches, target })
    t.regex((await refused(t, work)).message, /behind its end/)
  }
})

test('an image that is too large is refused before the first byte; one that hides its size, before the last that fits', async t => {
  const known = createFakeTarget({ capacity: 8 * mib })
  const error = await refused(t, writeImage({ source: sourceOf(disk), patches: [], target: known }))
  t.regex(error.message, /10\.5 MB do not fit into 8\.4 MB: take a larger one/)
  t.deepEqual(known.writes, [])
  const hidden = createFakeTarget({ capacity: 8 * mib })
  const late = await refused(t, writeImage({ source: sourceOf(disk, false), patches: [], target: hidden }))
  t.regex(late.message, /does not fit into 8\.4 MB.*unfinished and does not start: flash it again/)
  t.true(hidden.writes.every(({ offset, length }) => offset + length <= 8 * mib))
  t.true(hidden.bytes.subarray(0, chunkBytes).every(byte => byte === 0))
})

test('a drive that breaks on the way is told as unfinished, and has no partition table', async t => {
  for (const breaksAt of [chunkBytes, 2 * chunkBytes]) {
    const target = createFakeTarget({ capacity: 10 * mib + 2048, breaksAt })
    // The probe and the wiping of the end would break already.
    const write = target.write
    const started = { is: false }
    target.write = (bytes, offset) => {
      started.is ||= offset === 0
      return started.is ? write(bytes, offset) : Promise.resolve()
    }
    target.read = async () => undefined
    const error = await refused(t, writeImage({ source: sourceOf(disk), patches: [], target: target }))
    t.is(error.code, 'ServiceUnavailable')
    t.regex(error.message, /it broke\. \/dev\/fake is unfinished and does not start/)
    t.true(target.bytes.subarray(0, 512).every(byte => byte === 0))
  }
})

test('an abort leaves a drive without a partition table, and says so', async t => {
  const target = createFakeTarget({ capacity: 32 * mib })
  const abort = new AbortController()
  const progress = ({ done }: FlashProgress): void => {
    if (done > 0) abort.abort(new Error('Ctrl-C'))
  }
  const clock = { now: () => 0, monotonic: () => performance.now() * 1e6, after: () => () => undefined }
  const work = writeImage({ source: sourceOf(disk), patches: [], target, signal: abort.signal, progress, clock })
  const error = await refused(t, work)
  t.is(error.code, 'Timeout')
  t.regex(error.message, /it was interrupted\. \/dev\/fake is unfinished and does not start: flash it again/)
  t.true(target.bytes.subarray(0, chunkBytes).every(byte => byte === 0))
})

test('an abort before the first byte changes nothing', async t => {
  const target = createFakeTarget({ capacity: 32 * mib })
  const signal = AbortSignal.abort(new Error('Ctrl-C'))
  const error = await refused(t, writeImage({ source: sourceOf(disk), patches: [], target, signal }))
  t.regex(error.message, /it was interrupted\. nothing was written/)
  t.deepEqual(target.writes, [])
})

test('a byte that changed behind our back is found, and the drive does not start any more', async t => {
  for (const place of [0, chunkBytes - 1, chunkBytes + 77, disk.length - 1]) {
    const target = createFakeTarget({ capacity: 32 * mib })
    const written = await writeImage({ source: sourceOf(disk), patches: [], target })
    target.bytes[place]! ^= 1
    const error = await refused(t, verifyImage({ target, written }))
    t.is(error.code, 'Conflict')
    const first = Math.floor(place / chunkBytes) * chunkBytes
    t.true(error.message.includes(`first between byte ${first} and byte ${first + chunkBytes}`), error.message)
    t.true(target.bytes.subarray(0, 512).every(byte => byte === 0))
  }
})

test('an abort while verifying makes no card of it either', async t => {
  const target = createFakeTarget({ capacity: 32 * mib })
  const written = await writeImage({ source: sourceOf(disk), patches: [], target })
  const error = await refused(t, verifyImage({ target, written, signal: AbortSignal.abort(new Error('Ctrl-C')) }))
  t.regex(error.message, /cannot verify \/dev\/fake: because it was interrupted\. \/dev\/fake does not start/)
  t.true(target.bytes.subarray(0, 512).every(byte => byte === 0))
})

test('progress tells phase, bytes and total, and its last word is that all is done', async t => {
  const said: FlashProgress[] = []
  const progress = (word: FlashProgress): void => void said.push(word)
  const target = createFakeTarget({ capacity: 32 * mib })
  const written = await writeImage({ source: sourceOf(disk), patches: [], target, progress })
  await verifyImage({ target, written, progress })
  t.deepEqual([...new Set(said.map(({ phase }) => phase))], ['writing', 'verifying'])
  for (const phase of ['writing', 'verifying']) {
    const last = said.findLast(word => word.phase === phase)!
    t.like(last, { done: disk.length, total: disk.length, secondsLeft: 0 })
  }
})
