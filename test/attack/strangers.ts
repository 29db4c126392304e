/** Attacks of somebody on the LAN who has nothing. */
import { connect as connectTcp } from 'node:net'
import { sleep, systemClock } from '../../kit/clock.ts'
import { type Arena, type Attack, enter } from './arena.ts'
import { connectPacket, lengthOf, number16, packet, publishPacket, subscribePacket, text } from './packets.ts'
import { type Pair, RawClient } from './raw-client.ts'

const plain: Attack[] = [
  {
    name: 'MQTT without TLS',
    expect: /^closed$/,
    counted: 'tls',
    async run({ target }) {
      const client = await RawClient.overTcp(target)
      return client.connect({ clientId: 'plain' })
    },
  },
  {
    name: 'the old plain port',
    expect: /^ECONNREFUSED$/,
    async run({ target }) {
      const client = await RawClient.overTcp({ ...target, port: 1883 })
      await client.untilClosed()
      return client.reason
    },
  },
  {
    name: 'TLS 1.1',
    expect: /^closed/,
    counted: 'tls',
    async run({ target }) {
      const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const
      const client = await RawClient.overTls(target, undefined, old)
      return client.isOpen ? 'open' : `closed ${client.reason}`
    },
  },
  {
    name: 'renegotiation in TLS 1.2',
    expect: /^(closed|refused)/,
    async run({ target }) {
      const client = await RawClient.overTls(target, undefined, { maxVersion: 'TLSv1.2' })
      const socket = client.socket as import('node:tls').TLSSocket
      const { promise, resolve } = Promise.withResolvers<string>()
      const asked = socket.renegotiate({ rejectUnauthorized: false }, error =>
        resolve(error ? 'refused' : 'renegotiated'),
      )
      if (asked === false) return 'refused'
      return Promise.race([promise, client.untilClosed()])
    },
  },
]

const certificates: Attack[] = (
  [
    ['a certificate of another CA in the name of the admin', 'foreign', 'certificate-invalid'],
    ['a certificate that it signed itself', 'selfSigned', 'certificate-invalid'],
    ['a certificate that has run out', 'expired', 'certificate-expired'],
    ['the certificate of a user who was revoked', 'revokedUser', 'certificate-revoked'],
    ['a certificate of our CA for a key that the node does not have now', 'wrongKey', 'certificate-revoked'],
    ["the master's own certificate of its server", 'server', 'certificate-invalid'],
  ] as const
).map(([name, pair, counted]) => ({
  name,
  counted: `${counted}|not-admitted|unknown-identity|certificate-invalid`,
  expect: /^(closed|connack [245])/,
  async run({ target, pairs }: Arena) {
    const client = await RawClient.overTls(target, pairs[pair])
    const answer = await client.connect({ clientId: `stranger-${pair}` })
    client.end()
    return answer
  },
}))

const credentials: Attack[] = (
  [
    ['a password in the name of the admin', () => ({ username: 'admin', password: 'admin' })],
    ['the name of the master', () => ({ username: 'system:master' })],
    ['the name of a node', () => ({ username: 'system:node:board-1', password: '' })],
    ['an empty token', () => ({ username: 'token', password: '' })],
    ['garbage for a token', () => ({ username: 'token', password: 'a.b.c' })],
    [
      'a token without a signature (alg none)',
      ({ bearers }: Arena) => ({ username: 'token', password: bearers.unsigned }),
    ],
    ['a token signed by somebody', ({ bearers }: Arena) => ({ username: 'token', password: bearers.forged })],
    [
      'a token of a service account that is gone',
      ({ bearers }: Arena) => ({ username: 'token', password: bearers.deleted }),
    ],
    ['a token of 16 000 characters', () => ({ username: 'token', password: 'x'.repeat(16_000) })],
  ] as const
).map(([name, words]) => ({
  name,
  expect: /^(closed|connack [245])/,
  counted: 'bad-token|not-admitted|too-large|unknown-identity',
  async run(arena: Arena) {
    const client = await RawClient.overTls(arena.target)
    const answer = await client.connect({ clientId: 'stranger', ...words(arena) })
    client.end()
    return answer
  },
}))

/** Bytes instead of a CONNECT. */
const broken: Attack[] = (
  [
    ['noise', Buffer.from(Array.from({ length: 400 }, (_, at) => (at * 151 + 7) & 0xff))],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a packet of the reserved type 0', packet(0x00, [])],
    ['a packet of the reserved type 15', packet(0xf0, [])],
    ['PUBLISH before CONNECT', publishPacket('flotilla/v1/lab/master/presence', 'x')],
    ['SUBSCRIBE before CONNECT', subscribePacket(['#'])],
    ['a packet that announces 256 MB', Buffer.concat([Buffer.from([0x10]), lengthOf(268_435_455), Buffer.alloc(100)])],
    ['a length of five bytes', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01])],
    ['another protocol', connectPacket({ clientId: 'x', protocol: 'AMQP' })],
    ['protocol level 255', connectPacket({ clientId: 'x', level: 255 })],
    [
      'a CONNECT whose strings reach beyond it',
      packet(0x10, [text('MQTT'), Buffer.from([4, 2]), number16(30), number16(5000)]),
    ],
    ['a client id of 60 KB', connectPacket({ clientId: 'x'.repeat(60_000) })],
    [
      'an empty client id that wants a session',
      packet(0x10, [text('MQTT'), Buffer.from([4, 0]), number16(30), text('')]),
    ],
    ['a client id with a wildcard', connectPacket({ clientId: '+', username: 'join' })],
    ['a client id that climbs', connectPacket({ clientId: '../../nodes/board-1', username: 'join' })],
    ['a client id with a null character', connectPacket({ clientId: 'a\0b', username: 'join' })],
    [
      'half a character of UTF-8',
      connectPacket({ clientId: 'x', username: 'join', will: { topic: '\ud800', payload: 'x' } }),
    ],
  ] as const
).map(([name, bytes]) => ({
  name,
  expect: /^(closed|connack [1245])/,
  async run({ target }: Arena) {
    const client = await RawClient.overTls(target)
    client.send(bytes)
    const outcome = await client.untilClosed(12_000)
    const welcome = client.packets.find(({ type }) => type === 2)
    client.end()
    return welcome ? `connack ${welcome.body[1]}` : outcome
  },
}))

const slow: Attack[] = [
  {
    name: 'a TCP connection that says nothing',
    expect: /^closed$/,
    counted: 'too-slow',
    async run({ target }) {
      const client = await RawClient.overTcp(target)
      return client.untilClosed(15_000)
    },
  },
  {
    name: 'a CONNECT of one byte a second',
    expect: /^closed$/,
    counted: 'too-slow',
    async run({ target }) {
      const client = await RawClient.overTls(target)
      for (const byte of connectPacket({ clientId: 'slow-slow-slow-slow', username: 'join' })) {
        if (!client.isOpen) break
        client.send(Buffer.from([byte]))
        await sleep(systemClock, 1000)
      }
      return client.untilClosed(1000)
    },
  },
  {
    name: 'a TLS handshake that stops in the middle',
    expect: /^closed$/,
    async run({ target }) {
      const client = await RawClient.overTcp(target)
      client.send(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]))
      return client.untilClosed(15_000)
    },
  },
]

const crowd: Attack[] = [
  {
    name: '10 000 connections from one address',
    expect: /^held \d{1,4}, and others get in$/,
    counted: 'too-many-connections',
    async run(arena) {
      const sockets = Array.from({ length: 10_000 }, (_, at) => at)
      let held = 0
      const open: Array<import('node:net').Socket> = []
      for (const at of sockets) {
        const socket = connectTcp(arena.target)
        socket.on('error', () => undefined)
        open.push(socket)
        if (at % 200 === 199) await sleep(systemClock, 50)
      }
      await sleep(systemClock, 1000)
      held = open.filter(socket => socket.readyState === 'open').length
      // A board of the fleet comes back in the middle of it, from an address of its own: see the test. Here: the same address, later.
      for (const socket of open) socket.destroy()
      await sleep(systemClock, 3000)
      const entered = await enterSoon(arena)
      return `held ${held}, and others ${entered ? 'get in' : 'do not'}`
    },
  },
]

async function enterSoon(arena: Arena): Promise<boolean> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const pair: Pair = arena.pairs.node
    const client = await enter(arena, { pair }).catch(() => undefined)
    client?.end()
    if (client) return true
    await sleep(systemClock, 1000)
  }
  return false
}

export const attacksOfStrangers: Attack[] = [...plain, ...certificates, ...credentials, ...broken, ...slow, ...crowd]
