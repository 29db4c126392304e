import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { waitConnected } from '../../../kit/bus/mqtt-bus.ts'
import { CodedError } from '../../../kit/errors.ts'
import { seededRandom } from '../../../kit/random.ts'
import type { EmbeddedBroker } from '../../../master/broker/embedded-broker.ts'
import type { Policy } from '../../../master/broker/policy.ts'
import { eventually } from '../../kit/eventually.ts'
import { attach, attached, root, startBroker, startEmbeddedHarness } from './embedded-harness.ts'

/** Sends bytes as they are, and reads nothing unless told to. */
function sendRaw(t: ExecutionContext, port: number, ...chunks: Buffer[]): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  for (const chunk of chunks) socket.write(chunk)
  t.teardown(() => socket.destroy())
  return socket
}

/** A CONNECT of MQTT 3.1.1 with a clean session and this client id. */
function connectPacket(clientId: string, flags = 2): Buffer {
  const id = Buffer.from(clientId)
  const variable = Buffer.from([0, 4, ...Buffer.from('MQTT'), 4, flags, 0, 60, id.length >> 8, id.length & 0xff])
  return Buffer.concat([Buffer.from([0x10, variable.length + id.length]), variable, id])
}

async function answers(t: ExecutionContext, broker: EmbeddedBroker): Promise<void> {
  const bus = await attached(t, broker, 'probe')
  const seen: string[] = []
  await bus.subscribe('probe', message => seen.push(String(message.payload)))
  await bus.publish('probe', 'alive')
  await eventually('the probe', () => seen.includes('alive'))
}

test('garbage from a socket closes that connection, and nothing else', async t => {
  const { broker, port } = await startBroker(t)
  const { number } = seededRandom(7)
  const valid = connectPacket('fuzz')
  const sockets: Socket[] = []
  for (let round = 0; round < 150; round++) {
    const mutated = Buffer.concat([valid, Buffer.from([0x82, 10, 0, 1, 0, 5]), Buffer.from('a/+/#'), Buffer.from([1])])
    for (let flip = 0; flip < 3; flip++) mutated[Math.floor(number() * mutated.length)] = Math.floor(number() * 256)
    const cut = mutated.subarray(0, 1 + Math.floor(number() * mutated.length))
    sockets.push(sendRaw(t, port, number() < 0.3 ? randomBytes(64) : number() < 0.5 ? cut : mutated))
  }
  await eventually('some of them are refused', () => (broker.counters().refused.malformed ?? 0) > 50)
  for (const socket of sockets) socket.destroy()
  await answers(t, broker)
  t.pass()
})

test('a packet that announces more than the limit ends its connection before it is collected', async t => {
  const reasons: string[] = []
  const { broker, port } = await startBroker(t, {
    limits: { kinds: { master: { maxPacketBytes: 100_000 } } },
    onEvent: event => void (event.type === 'refused' && reasons.push(`${event.reason}: ${event.detail}`)),
  })
  const unknown = sendRaw(t, port, Buffer.from([0x10, 0xff, 0xff, 0x7f])).resume()
  await eventually('the stranger is gone', () => unknown.closed)
  const known = sendRaw(t, port, connectPacket('big')).resume()
  await eventually('the client is in', () => broker.counters().clients === 1)
  // A PUBLISH of 268 435 455 bytes, sent slowly.
  known.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 97]))
  await eventually('the client is out', () => known.closed)
  t.is(reasons.length, 2)
  t.regex(reasons.join(), /^too-large: .*more than 16384.*too-large: .*more than 100000/)
  await answers(t, broker)
})

test('a client that does not read is dropped, and holds up nobody', async t => {
  const { broker, port } = await startBroker(t, { limits: { kinds: { master: { maxBacklogBytes: 1024 * 1024 } } } })
  // It subscribes to all there is, and never reads.
  const filter = Buffer.from(`${root}#`)
  const subscribe = Buffer.from([0x82, filter.length + 5, 0, 1, 0, filter.length, ...filter, 0])
  sendRaw(t, port, connectPacket('stuck'), subscribe)
  const master = await attached(t, broker, 'master')
  await eventually('both are in', () => broker.counters().clients === 2)
  for (let round = 0; broker.counters().clients === 2 && round < 500; round++)
    await master.publish('x', Buffer.alloc(100_000))
  t.is(broker.counters().clients, 1)
  t.is(broker.counters().dropped, 1)
  t.true(master.connected)
})

test('whoever talks in process without a pause leaves the event loop to others', async t => {
  const { broker } = await startBroker(t)
  const bus = await attached(t, broker, 'master')
  const messages = 2000
  let turns = 0
  let stopped = false
  const turn = (): void => {
    turns += 1
    if (!stopped) setImmediate(turn)
  }
  setImmediate(turn)
  for (let sent = 0; sent < messages; sent++) await bus.publish('x', 'x')
  stopped = true
  t.true(turns > messages / 100, `${turns} turns of the event loop in ${messages} messages`)
})

test('a frozen wire ends at one and a half keepalives, with the will', async t => {
  const harness = await startEmbeddedHarness(t)
  t.teardown(() => harness.close())
  const watcher = await harness.connect('watcher')
  const seen: string[] = []
  await watcher.subscribe('presence', message => seen.push(String(message.payload)))
  const agent = await harness.connect('agent', { topic: 'presence', payload: 'gone' }, { keepaliveSeconds: 1 })
  harness.freeze('agent')
  await eventually('the will', () => seen.includes('gone'))
  await eventually('the agent notices as well', () => !agent.connected)
  t.deepEqual(seen, ['gone'])
})

test('more connections, subscriptions or retained messages than allowed are refused', async t => {
  const limits = { maxRetainedMessages: 2, kinds: { master: { connectionsPerIdentity: 2, maxSubscriptions: 3 } } }
  const { broker } = await startBroker(t, { limits })
  const alice = await attached(t, broker, 'alice')
  await attached(t, broker, 'bob')
  const carol = attach(t, broker, 'carol')
  await t.throwsAsync(waitConnected(carol, 200), { instanceOf: CodedError })
  await carol.close()
  for (const filter of ['a', 'b', 'c']) await alice.subscribe(filter, () => undefined)
  const error = await t.throwsAsync(
    alice.subscribe('d', () => undefined),
    { instanceOf: CodedError },
  )
  t.is(error.code, 'Forbidden')
  for (const topic of ['r/1', 'r/2', 'r/3', 'r/1']) await alice.publish(topic, 'x', { retain: true })
  await eventually('the refusal', () => broker.counters().refused['too-many-retained'] === 1)
  t.is(broker.counters().retainedMessages, 2)
  t.is(broker.counters().refused['too-many-subscriptions'], 1)
  t.true((broker.counters().refused['too-many-connections'] ?? 0) > 0)
})

test('subscribing costs what matches, not what is retained', async t => {
  const { broker } = await startBroker(t)
  const bus = await attached(t, broker, 'master')
  const costs: number[] = []
  for (const total of [100, 10_000]) {
    const from = broker.counters().retainedMessages
    const topics = Array.from({ length: total - from }, (_, index) => `a/b/n${from + index}/index`)
    await Promise.all(topics.map(topic => bus.publish(topic, 'x', { retain: true })))
    await eventually('all are kept', () => broker.counters().retainedMessages === total)
    const before = broker.counters().retainedVisited
    for (const filter of ['a/b/n7/index', 'a/b/n8/#']) {
      const seen: string[] = []
      const stop = await bus.subscribe(filter, message => seen.push(message.topic))
      await eventually('the retained message', () => seen.length === 1)
      stop()
    }
    costs.push(broker.counters().retainedVisited - before)
  }
  t.is(costs[1], costs[0])
})

test('a subscriber never gets an older retained message after a newer live one', async t => {
  const { broker } = await startBroker(t)
  const writer = await attached(t, broker, 'writer')
  const reader = await attached(t, broker, 'reader')
  for (let topic = 0; topic < 100; topic++) await writer.publish(`v/${topic}`, '0', { retain: true })
  const last = new Map<string, number>()
  let backwards = 0
  const subscribing = reader.subscribe('v/#', ({ topic, payload }) => {
    if (Number(payload) < (last.get(topic) ?? 0)) backwards++
    last.set(topic, Number(payload))
  })
  for (let round = 1; round <= 20; round++) {
    await Promise.all(
      Array.from({ length: 100 }, (_, topic) => writer.publish(`v/${topic}`, `${round}`, { retain: true })),
    )
  }
  await subscribing
  await eventually('the newest of all', () => [...last.values()].filter(value => value === 20).length === 100)
  t.is(backwards, 0)
})

test('a session is clean whatever the client asks for, so that nothing is collected for the absent', async t => {
  const { port } = await startBroker(t)
  const lasting = sendRaw(t, port)
  const received: Buffer[] = []
  lasting.on('data', chunk => received.push(chunk))
  lasting.write(connectPacket('lasting', 0))
  await eventually('the welcome', () => received.length > 0)
  // CONNACK: no session present, accepted.
  t.deepEqual([...Buffer.concat(received)], [0x20, 2, 0, 0])
})

test('whom the policy does not admit is refused, and its exceptions mean no', async t => {
  const policy: Policy = {
    admit: async ({ clientId }) => {
      if (clientId === 'broken') throw new Error('policy fault')
      if (clientId === 'stranger') return { refused: 'nobody knows it' }
      return { identity: { kind: 'master' }, stillWelcome: () => undefined }
    },
  }
  const { broker } = await startBroker(t, { policy })
  for (const clientId of ['stranger', 'broken']) {
    const refused = attach(t, broker, clientId)
    await t.throwsAsync(waitConnected(refused, 300), { message: /not authorized/ })
    await refused.close()
  }
  const before = broker.counters().refused['not-admitted'] ?? 0
  t.true(before >= 2)
  await answers(t, broker)
  t.is(broker.counters().refused['not-admitted'], before)
})

test('nobody publishes to the topics of the broker itself', async t => {
  const { broker } = await startBroker(t)
  const bus = await attached(t, broker, 'alice')
  await bus.publish('$SYS/x/new/clients', 'bob').catch(() => undefined) // aedes acknowledges first, or closes first.
  await eventually('it is refused', () => broker.counters().refused.topic === 1)
  t.pass()
})

test('after it is closed, those who had a way in get no further', async t => {
  const { broker } = await startBroker(t)
  const bus = await attached(t, broker, 'alice')
  await broker.close()
  await eventually('the end', () => !bus.connected)
  await eventually('the reason', () => bus.lastFailure === 'the broker is closed')
  t.pass()
})
