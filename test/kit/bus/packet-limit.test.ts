import test from 'ava'
import fc from 'fast-check'
import { PacketLimit } from '../../../kit/bus/packet-limit.ts'
import { CodedError } from '../../../kit/errors.ts'

/** A packet of `length` bytes after its fixed header. */
function packet(length: number): Buffer {
  const header = [0x30]
  let rest = length
  do {
    header.push((rest % 128) | (rest >= 128 ? 0x80 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length, 0xff)])
}

test('packets within the limit pass, however the bytes are cut', t => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 10 }),
      fc.integer({ min: 1, max: 50 }),
      (lengths, cut) => {
        const bytes = Buffer.concat(lengths.map(packet))
        const limit = new PacketLimit(300)
        let begun = 0
        for (let at = 0; at < bytes.length; at += cut) begun += limit.watch(bytes.subarray(at, at + cut))
        t.is(begun, lengths.length)
      },
    ),
  )
})

test('a packet beyond the limit is refused at its header, before any of its bytes', t => {
  const limit = new PacketLimit(1000)
  limit.watch(packet(1000))
  const error = t.throws(() => limit.watch(packet(1001).subarray(0, 3)), { instanceOf: CodedError })
  t.is(error.code, 'RequestEntityTooLarge')
})

test('a length of more than four bytes is no length', t => {
  const limit = new PacketLimit(Number.MAX_SAFE_INTEGER)
  const error = t.throws(() => limit.watch(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80])), { instanceOf: CodedError })
  t.is(error.code, 'BadRequest')
})

test('the limit may be raised between two packets', t => {
  const limit = new PacketLimit(10)
  limit.watch(packet(10))
  limit.maxPacketBytes = 100
  t.notThrows(() => limit.watch(packet(100)))
})
