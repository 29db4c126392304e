/** MQTT 3.1.1 packets made by hand, right or wrong: what a library would refuse to send is what an attacker sends. */

export interface ConnectWords {
  clientId: string
  username?: string
  password?: string
  will?: { topic: string; payload: string; retain?: boolean }
  keepaliveSeconds?: number
  /** 4 is MQTT 3.1.1. */
  level?: number
  protocol?: string
}

export function connectPacket(words: ConnectWords): Buffer {
  const { clientId, username, password, will, keepaliveSeconds = 30, level = 4, protocol = 'MQTT' } = words
  const flags =
    0x02 |
    (will ? 0x04 | 0x08 | (will.retain ? 0x20 : 0) : 0) |
    (username === undefined ? 0 : 0x80) |
    (password === undefined ? 0 : 0x40)
  return packet(0x10, [
    text(protocol),
    Buffer.from([level, flags]),
    number16(keepaliveSeconds),
    text(clientId),
    ...(will ? [text(will.topic), text(will.payload)] : []),
    ...(username === undefined ? [] : [text(username)]),
    ...(password === undefined ? [] : [text(password)]),
  ])
}

export function publishPacket(
  topic: string | Buffer,
  payload: string | Buffer,
  { id = 1, qos = 1, retain = false }: { id?: number; qos?: number; retain?: boolean } = {},
): Buffer {
  return packet(0x30 | (qos << 1) | (retain ? 1 : 0), [
    text(topic),
    ...(qos > 0 ? [number16(id)] : []),
    Buffer.from(payload),
  ])
}

export function subscribePacket(filters: readonly string[], id = 1): Buffer {
  return packet(0x82, [number16(id), ...filters.flatMap(filter => [text(filter), Buffer.from([1])])])
}

/** `first`: type and flags. */
export function packet(first: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([first]), lengthOf(body.length), body])
}

/** Seven bits a byte, the lowest first. */
export function lengthOf(length: number): Buffer {
  const bytes: number[] = []
  let rest = length
  do {
    bytes.push((rest % 128) | (rest >= 128 ? 0x80 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return Buffer.from(bytes)
}

export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([number16(bytes.length), bytes])
}

export function number16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

/** A packet that came. */
export interface Packet {
  type: number
  body: Buffer
}

/** The whole packets at the beginning of `bytes`, and what is left. */
export function takePackets(bytes: Buffer): { packets: Packet[]; rest: Buffer } {
  const packets: Packet[] = []
  let rest = bytes
  for (;;) {
    const found = takeOne(rest)
    if (found === undefined) return { packets, rest }
    packets.push(found.packet)
    rest = rest.subarray(found.size)
  }
}

function takeOne(bytes: Buffer): { packet: Packet; size: number } | undefined {
  let length = 0
  for (let at = 1; at < Math.min(bytes.length, 5); at++) {
    const byte = bytes[at] ?? 0
    length += (byte & 0x7f) * 128 ** (at - 1)
    if ((byte & 0x80) !== 0) continue
    const size = at + 1 + length
    if (bytes.length < size) return undefined
    return { packet: { type: (bytes[0] ?? 0) >> 4, body: bytes.subarray(at + 1, size) }, size }
  }
  return undefined
}
