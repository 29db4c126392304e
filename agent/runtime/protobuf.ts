/** Protocol buffers from small field tables: the adapter of `@bufbuild/protobuf`, whose reader and writer know the wire. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

interface ScalarValues {
  string: string
  bytes: Uint8Array
  bool: boolean
  int32: number
  uint32: number
  int64: bigint
  uint64: bigint
}

export type Scalar = keyof ScalarValues

/** One field: its number on the wire, its type (a scalar, or the table of a nested message), one or many. */
export interface Field {
  number: number
  type: Scalar | Fields
  many: boolean
  /** `map<string, string>`, which travels as repeated pairs. */
  pairs: boolean
}

export interface Fields {
  [name: string]: Field
}

type One<T> = T extends Scalar ? ScalarValues[T] : T extends Fields ? Message<T> : never
type Value<F extends Field> = F['pairs'] extends true
  ? Record<string, string>
  : F['many'] extends true
    ? Array<One<F['type']>>
    : F['type'] extends Scalar
      ? One<F['type']>
      : One<F['type']> | undefined

/** What `decode` gives: absent scalars have proto3's zero values, absent messages are undefined. */
export type Message<T extends Fields> = { [K in keyof T]: Value<T[K]> }

type PartialOne<T> = T extends Fields ? PartialMessage<T> : One<T>
type PartialValue<F extends Field> = F['pairs'] extends true
  ? Record<string, string>
  : F['many'] extends true
    ? Array<PartialOne<F['type']>>
    : PartialOne<F['type']>

/** What `encode` takes: anything may be left out. */
export type PartialMessage<T extends Fields> = { [K in keyof T]?: PartialValue<T[K]> | undefined }

export function one<const T extends Scalar | Fields>(number: number, type: T) {
  return { number, type, many: false, pairs: false } as const
}

export function many<const T extends Scalar | Fields>(number: number, type: T) {
  return { number, type, many: true, pairs: false } as const
}

export function stringMap(number: number) {
  return { number, type: 'string', many: false, pairs: true } as const
}

const pair = { key: one(1, 'string'), value: one(2, 'string') }

export function encode<T extends Fields>(fields: T, message: PartialMessage<T>): Uint8Array {
  const writer = new BinaryWriter()
  writeMessage(writer, fields, message as Record<string, unknown>)
  return writer.finish()
}

/** Skips fields that the table does not name, so newer senders are understood. Throws on bytes that are no message. */
export function decode<T extends Fields>(fields: T, bytes: Uint8Array): Message<T> {
  const reader = new BinaryReader(bytes)
  const message = zeroValues(fields)
  const names = new Map(Object.entries(fields).map(([name, field]) => [field.number, name]))
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    const name = names.get(number)
    if (name === undefined) reader.skip(wireType, number)
    else readField(reader, message, { name, field: fields[name]!, wireType })
  }
  return message as Message<T>
}

function writeMessage(writer: BinaryWriter, fields: Fields, message: Record<string, unknown>): void {
  for (const [name, field] of Object.entries(fields)) {
    const value = message[name]
    if (value === undefined) continue
    for (const single of singles(field, value)) writeField(writer, field, single)
  }
}

function singles(field: Field, value: unknown): unknown[] {
  if (field.pairs) return Object.entries(value as Record<string, string>).map(([key, item]) => ({ key, value: item }))
  return field.many ? (value as unknown[]) : [value]
}

function writeField(writer: BinaryWriter, field: Field, value: unknown): void {
  const type = field.pairs ? pair : field.type
  if (typeof type === 'object') {
    writer.tag(field.number, WireType.LengthDelimited).fork()
    writeMessage(writer, type, value as Record<string, unknown>)
    writer.join()
    return
  }
  // proto3 leaves zero values out, except inside repeated fields.
  if (!field.many && isZero(value)) return
  scalars[type].write(writer.tag(field.number, scalars[type].wireType), value as never)
}

interface ScalarCodec<T> {
  wireType: WireType
  zero: T
  write(writer: BinaryWriter, value: T): void
  read(reader: BinaryReader): T
}

const scalars: { [S in Scalar]: ScalarCodec<ScalarValues[S]> } = {
  string: { wireType: 2, zero: '', write: (w, v) => w.string(v), read: r => r.string() },
  bytes: { wireType: 2, zero: new Uint8Array(), write: (w, v) => w.bytes(v), read: r => r.bytes() },
  bool: { wireType: 0, zero: false, write: (w, v) => w.bool(v), read: r => r.bool() },
  int32: { wireType: 0, zero: 0, write: (w, v) => w.int32(v), read: r => r.int32() },
  uint32: { wireType: 0, zero: 0, write: (w, v) => w.uint32(v), read: r => r.uint32() },
  int64: { wireType: 0, zero: 0n, write: (w, v) => w.int64(v), read: r => BigInt(r.int64()) },
  uint64: { wireType: 0, zero: 0n, write: (w, v) => w.uint64(v), read: r => BigInt(r.uint64()) },
}

function isZero(value: unknown): boolean {
  return value instanceof Uint8Array ? value.length === 0 : !value
}

function zeroValues(fields: Fields): Record<string, unknown> {
  const zero = (field: Field): unknown => {
    if (field.pairs) return {}
    if (field.many) return []
    return typeof field.type === 'string' ? scalars[field.type].zero : undefined
  }
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, zero(field)]))
}

function readField(
  reader: BinaryReader,
  message: Record<string, unknown>,
  { name, field, wireType }: { name: string; field: Field; wireType: WireType },
): void {
  const keep = (value: unknown): void => {
    if (field.many) (message[name] as unknown[]).push(value)
    else message[name] = value
  }
  if (field.pairs) {
    const { key, value } = decode(pair, reader.bytes())
    Object.assign(message[name] as object, { [key]: value })
  } else if (typeof field.type === 'object') {
    keep(decode(field.type, reader.bytes()))
  } else if (field.many && wireType === WireType.LengthDelimited && scalars[field.type].wireType === WireType.Varint) {
    // Repeated numbers may come packed into one length-delimited run (proto3's default).
    const packed = new BinaryReader(reader.bytes())
    while (packed.pos < packed.len) keep(scalars[field.type].read(packed))
  } else {
    keep(scalars[field.type].read(reader))
  }
}
