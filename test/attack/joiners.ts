/** Attacks of somebody who is let in to join, or has a join token. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import type { JoinRequest } from '../../contract/wire/join.ts'
import { topicsOf } from '../../contract/wire/topics.ts'
import { systemRandom } from '../../kit/random.ts'
import { createCsr, readCertificate } from '../../kit/x509.ts'
import { type Arena, type Attack, enter, listenAs, silent, unheard } from './arena.ts'
import { RawClient } from './raw-client.ts'

const subscriptions: Attack[] = [
  '#',
  'flotilla/#',
  '+/+/+/#',
  '$SYS/#',
  '$share/group/flotilla/v1/lab/nodes/board-1/wish/#',
  'flotilla/v1/lab/join/+/replies',
  'flotilla/v1/lab/join/#',
  'flotilla/v1/lab/network/#',
  'flotilla/v1/lab/nodes/board-1/wish/#',
  'flotilla/v1/lab/clients/admin/+/replies',
].map(filter => ({
  name: `a board that joins subscribes to ${filter}`,
  expect: /^suback 128, heard 0$/,
  onMosquitto: silent,
  counted: 'subscription',
  run: (arena: Arena) => listenAs(arena, { kind: 'joining' }, { filter }),
}))

const publications: Attack[] = [
  'flotilla/v1/lab/nodes/board-1/report',
  'flotilla/v1/lab/nodes/board-1/beat',
  'flotilla/v1/lab/master/presence',
  'flotilla/v1/lab/clients/admin/x/requests',
  'flotilla/v1/lab/join/somebody-else/requests',
  'flotilla/v1/lab/network/index',
  '$SYS/broker/uptime',
  'elsewhere',
].map(topic => ({
  name: `a board that joins publishes on ${topic}`,
  expect: /^closed$/,
  onMosquitto: unheard,
  counted: 'topic|retain',
  async run(arena: Arena) {
    const client = await enter(arena, {})
    return client.publish(topic, '{}', { retain: topic.endsWith('presence') })
  },
}))

const wills: Attack[] = [
  {
    name: "a board that joins leaves a will on another's presence",
    expect: /^(closed|connack [1-5])/,
    onMosquitto: /^connack/,
    counted: 'will',
    async run({ joinTarget }) {
      const client = await RawClient.overTls(joinTarget)
      const will = { topic: 'flotilla/v1/lab/nodes/board-1/presence', payload: '{"online":false}', retain: true }
      return client.connect({ clientId: 'willing', username: 'join', will })
    },
  },
  {
    name: 'a board that joins sends 64 KB',
    expect: /^closed$/,
    onMosquitto: 'cannot',
    counted: 'too-large',
    async run(arena) {
      const clientId = `raw-${systemRandom.suffix(6)}`
      const client = await enter(arena, { clientId })
      return client.publish(topicsOf(arena.cluster).joinRequests(clientId), 'x'.repeat(64 * 1024))
    },
  },
]

/** Asks to join, and resolves to the code of the refusal. */
async function join(arena: Arena, request: Partial<Extract<JoinRequest, { type: 'join' }>>): Promise<string> {
  const clientId = `raw-${systemRandom.suffix(8)}`
  const topics = topicsOf(arena.cluster)
  const client = await enter(arena, { clientId })
  await client.subscribe(topics.joinReplies(clientId))
  const { csr } = await createCsr({ commonName: 'x' })
  const body = { type: 'join', token: arena.joinTokens.fresh, name: 'intruder', csr, ...request }
  const id = systemRandom.uuid()
  await client.publish(topics.joinRequests(clientId), JSON.stringify({ id, timeoutMs: 5000, body }))
  await client.untilClosed(50)
  for (let wait = 0; wait < 100 && client.heard.length === 0; wait++) await client.untilClosed(50)
  const reply = client.packets.find(({ type }) => type === 3)?.body
  client.end()
  if (reply === undefined) return 'silence'
  const payload = JSON.parse(reply.subarray(2 + reply.readUInt16BE(0) + 2).toString()) as Reply
  if (payload.error) return payload.error.code
  const { commonName = '' } = readCertificate(payload.body?.certificate ?? '')
  return `joined as ${commonName}`
}

interface Reply {
  error?: { code: string }
  body?: { certificate?: string }
}

const tokens: Attack[] = (
  [
    ['no token', () => ({ token: '' })],
    ['a token that was never made', () => ({ token: `zzzzzz.${'b'.repeat(26)}` })],
    [
      'the right id with a wrong secret',
      ({ joinTokens }: Arena) => ({ token: `${joinTokens.fresh.slice(0, 7)}${'b'.repeat(26)}` }),
    ],
    ['a token that is used up', ({ joinTokens }: Arena) => ({ token: joinTokens.used })],
    ['a token whose time is over', ({ joinTokens }: Arena) => ({ token: joinTokens.expired })],
    ['a token that was revoked', ({ joinTokens }: Arena) => ({ token: joinTokens.revoked })],
    ["another board's token", ({ joinTokens }: Arena) => ({ token: joinTokens.bound, name: 'intruder' })],
    ['the name of a living node', ({ otherNode }: Arena) => ({ name: otherNode })],
    ['a name that climbs', () => ({ name: '../../clients/admin' })],
    ['a name with a wildcard', () => ({ name: '+' })],
    ['a name that is too long', () => ({ name: 'a'.repeat(64) })],
    ['an object for a name', () => ({ name: { toString: 1 } as unknown as string })],
    [
      'a signing request of noise',
      () => ({ csr: '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n' }),
    ],
    ['a signing request whose signature is wrong', async () => ({ csr: await brokenCsr() })],
    ['the PEM of a private key for a signing request', () => ({ csr: rsaKey() })],
  ] as const
).map(([name, words]) => ({
  name: `joining with ${name}`,
  expect: /^(Unauthorized|Forbidden|Invalid|BadRequest|AlreadyExists|Expired|NotFound|Conflict|TooManyRequests)$/,
  async run(arena: Arena) {
    return join(arena, await words(arena))
  },
}))

/** The key of this one is no point of the curve: some readers of certificates take it badly. */
const damaged: Attack = {
  name: 'renewing with a certificate whose key is damaged',
  expect: /^(Unauthorized|Forbidden|Invalid|BadRequest)$/,
  async run(arena) {
    const der = Buffer.from(arena.pairs.node.certificate.replace(/-----[^-]+-----/g, ''), 'base64')
    const point = der.indexOf(Buffer.from('03420004', 'hex'))
    der[point + 3] = 5
    const certificate = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`
    return join(arena, { type: 'renew', certificate, nonce: 'x', signature: 'x' } as never)
  },
}

async function brokenCsr(): Promise<string> {
  const { csr } = await createCsr({ commonName: 'system:master' })
  const der = Buffer.from(csr.replace(/-----[^-]+-----/g, ''), 'base64')
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
}

function rsaKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })).export({
    type: 'pkcs8',
    format: 'pem',
  }) as string
}

/** Comes first, and uses up the token that a later one shows again. */
const once: Attack = {
  name: 'a signing request in the name of the master is answered in the name of the board alone',
  expect: /^joined as system:node:intruder$/,
  async run(arena) {
    const { csr } = await createCsr({ commonName: 'system:master' })
    return join(arena, { csr, token: arena.joinTokens.used })
  },
}

export const attacksOfJoiners: Attack[] = [once, ...subscriptions, ...publications, ...wills, ...tokens, damaged]
