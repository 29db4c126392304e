import test from 'ava'
import fc from 'fast-check'
import { applyPatches, endOfPatches, type Patch } from '../../../../cli/flash/disk/patches.ts'

const patch = (size: number): fc.Arbitrary<Patch> =>
  fc
    .tuple(fc.nat(size - 1), fc.uint8Array({ minLength: 0, maxLength: 40 }))
    .map(([offset, bytes]) => ({ offset, bytes: bytes.subarray(0, size - offset) }))

test('however an image is cut into chunks, the patches come out as if it were in one piece', t => {
  const size = 300
  fc.assert(
    fc.property(fc.array(patch(size), { maxLength: 12 }), fc.integer({ min: 1, max: 70 }), (patches, step) => {
      const expected = Buffer.alloc(size, 0xee)
      for (const { offset, bytes } of patches) expected.set(bytes, offset)
      const found = Buffer.alloc(size, 0xee)
      for (let at = 0; at < size; at += step) applyPatches(found.subarray(at, at + step), at, patches)
      t.deepEqual(found, expected)
      t.true(endOfPatches(patches) <= size)
    }),
  )
})
