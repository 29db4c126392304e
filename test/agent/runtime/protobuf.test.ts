import test from 'ava'
import fc from 'fast-check'
import * as containerd from '../../../agent/runtime/containerd-messages.ts'
import * as cri from '../../../agent/runtime/cri-messages.ts'
import { decode, encode, type Field, type Fields, many, one, stringMap } from '../../../agent/runtime/protobuf.ts'

const scalarValues = {
  string: fc.string({ unit: 'grapheme' }),
  bytes: fc.uint8Array({ maxLength: 40 }),
  bool: fc.boolean(),
  int32: fc.integer(),
  uint32: fc.nat(0xffff_ffff),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
}

/** Every table that the adapters send or read. */
const tables = Object.entries({ ...cri, ...containerd }).filter(([, table]) => isTable(table)) as Array<
  [string, Fields]
>

test('whatever is written is read back, in every message', t => {
  t.true(tables.length > 20)
  for (const [name, table] of tables) {
    const roundTrip = (message: Record<string, unknown>): void => {
      t.deepEqual(decode(table, encode(table, message as never)) as unknown, message, name)
    }
    fc.assert(fc.property(messagesOf(table), roundTrip), { numRuns: 30 })
  }
})

test('no two fields of a message share a number', t => {
  for (const [name, table] of tables) {
    const numbers = Object.values(table).map(field => field.number)
    t.is(new Set(numbers).size, numbers.length, name)
  }
})

test('fields that the table does not name are skipped', t => {
  const newer = {
    id: one(1, 'string'),
    count: one(2, 'int64'),
    labels: stringMap(3),
    nested: one(4, { deep: many(1, 'bytes') }),
    state: one(9, 'int32'),
  }
  const older = { id: one(1, 'string'), state: one(9, 'int32') }
  fc.assert(
    fc.property(messagesOf(newer), message => {
      const { id, state } = decode(newer, encode(newer, message as never))
      t.deepEqual(decode(older, encode(newer, message as never)), { id, state })
    }),
  )
})

test('the bytes are those of the specification', t => {
  // protobuf.dev/programming-guides/encoding: field 1 = 150, and field 2 = "testing".
  const table = { a: one(1, 'int32'), b: one(2, 'string'), packed: many(6, 'int32') }
  t.is(hex(encode(table, { a: 150 })), '089601')
  t.is(hex(encode(table, { b: 'testing' })), '120774657374696e67')
  t.deepEqual(decode(table, Buffer.from('3206038e029ea705', 'hex')).packed, [3, 270, 86942])
})

test('an empty nested message says that it is there, a zero says nothing', t => {
  const table = { profile: one(3, { kind: one(1, 'int32') }), count: one(1, 'int32') }
  t.is(hex(encode(table, { profile: { kind: 0 }, count: 0 })), '1a00')
  t.deepEqual(decode(table, Buffer.from('1a00', 'hex')), { profile: { kind: 0 }, count: 0 })
  t.deepEqual(decode(table, new Uint8Array()), { profile: undefined, count: 0 })
})

test('bytes that are no message are refused', t => {
  const table = { id: one(1, 'string') }
  t.throws(() => decode(table, Buffer.from('0aff', 'hex')))
})

function messagesOf(table: Fields): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(Object.fromEntries(Object.entries(table).map(([name, field]) => [name, valuesOf(field)])))
}

function valuesOf(field: Field): fc.Arbitrary<unknown> {
  const key = fc.string().filter(text => text !== '__proto__')
  if (field.pairs) return fc.dictionary(key, fc.string(), { noNullPrototype: true, maxKeys: 4 })
  const single: fc.Arbitrary<unknown> =
    typeof field.type === 'string' ? scalarValues[field.type] : messagesOf(field.type)
  if (field.many) return fc.array(single, { maxLength: 4 })
  return typeof field.type === 'string' ? single : fc.option(single, { nil: undefined })
}

function isTable(value: unknown): boolean {
  const fields = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.values(value) : []
  return fields.length > 0 && fields.every(field => typeof field === 'object' && field !== null && 'pairs' in field)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
