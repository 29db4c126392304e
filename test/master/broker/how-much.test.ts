import { connect, type Socket } from 'node:net'
import test from 'ava'
import { eventually } from '../../kit/eventually.ts'
import { secureSocket, WireClient } from '../../support/wire-client.ts'
import { root } from './embedded-harness.ts'
import { alice, board, startSecureBroker } from './secure-broker.ts'

test('whoever is slow to say who it is must go: without a byte, without a CONNECT, and with one that never ends', async t => {
  const { broker, port, refused, enter } = await startSecureBroker(t, { limits: { handshakeMs: 300 } })
  const staying = await enter(board, 'agent')
  const silent = connect(port, '127.0.0.1')
  silent.on('error', () => undefined)
  const mute = await secureSocket({ port })
  const slow = await secureSocket({ port })
  slow.write(Buffer.from([0x10, 200]))
  const drip = setInterval(() => slow.write(Buffer.from([0])), 20)
  t.teardown(() => clearInterval(drip))
  for (const socket of [silent, mute, slow]) {
    socket.resume()
    await eventually('it is closed', () => socket.closed || socket.destroyed)
  }
  t.deepEqual(refused(), ['too-slow', 'too-slow', 'too-slow'])
  t.is(broker.counters().unauthenticated, 0)
  t.is(broker.counters().connections, 1)
  t.false(staying.closed)
})

test('thousands of connections from one address keep nobody else out, and are refused before they cost anything', async t => {
  const flood = 3000
  const { broker, port, pki, events, enter } = await startSecureBroker(t)
  const before = await enter(board, 'agent')
  const sockets: Socket[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  let most = 0
  for (let batch = 0; batch < flood / 500; batch++) {
    for (let index = 0; index < 500; index++) {
      const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' })
      socket.on('error', () => undefined)
      sockets.push(socket)
    }
    await eventually('the batch', () => sockets.slice(-500).every(socket => !socket.connecting))
    most = Math.max(most, broker.counters().unauthenticated)
    if (batch !== 3) continue
    // In the middle of it, somebody from elsewhere.
    const { key, certificate: cert } = await pki.client(alice)
    const client = new WireClient({ socket: await secureSocket({ port, key, cert }), clientId: 'laptop' })
    t.true(await client.enter())
  }
  const counted = (): number => {
    const { refused } = broker.counters()
    return (refused.rate ?? 0) + (refused['too-many-connections'] ?? 0) + (refused['too-slow'] ?? 0)
  }
  await eventually('all but a few are refused', () => counted() >= flood - 1500)
  t.true(most <= 128, `${most} at once`)
  t.true(events.length < 2000, `${events.length} events`)
  t.true(broker.counters().untoldRefusals > flood / 4)
  t.false(before.closed)
})

test('who sends more than its rate is not read for a while, and nothing is lost', async t => {
  const { broker, enter } = await startSecureBroker(t, {
    limits: { kinds: { node: { packets: { perSecond: 200, burst: 50 } } } },
  })
  const master = await enter({ kind: 'master' }, 'master')
  await master.subscribe(`${root}#`)
  const node = await enter(board, 'agent')
  const topic = `${root}nodes/board-1/report`
  const count = 200
  await Promise.all(Array.from({ length: count }, (_, index) => node.publish(topic, `${index}`)))
  await eventually('all of them', () => master.heard.length === count)
  t.deepEqual(
    master.heard,
    Array.from({ length: count }, (_, index) => `${topic}=${index}`),
  )
  t.true(broker.counters().throttled > 0)
  t.false(node.closed)
})

test('who goes on beyond its rate is dropped', async t => {
  const { refused, enter } = await startSecureBroker(t, {
    limits: { maxThrottledMs: 200, kinds: { node: { packets: { perSecond: 200, burst: 10 } } } },
  })
  const node = await enter(board, 'agent')
  for (let sent = 0; !node.closed && sent < 5000; sent++) void node.publish(`${root}nodes/board-1/beat`, 'x')
  await eventually('it is out', () => node.closed)
  t.deepEqual(refused(), ['rate'])
})

test('a retained message larger than its kind may leave ends the connection', async t => {
  const { broker, enter, refused } = await startSecureBroker(t)
  const node = await enter(board, 'agent')
  const presence = `${root}nodes/board-1/presence`
  await node.publish(presence, Buffer.alloc(4096), true)
  t.is(broker.counters().retainedMessages, 1)
  await node.publish(presence, Buffer.alloc(4097), true)
  await eventually('it is out', () => node.closed)
  t.deepEqual(refused(), ['too-large'])
  t.is(broker.counters().retainedBytes, 4096 + presence.length)
})

test('one identity has only so many connections', async t => {
  const { broker, enter, call } = await startSecureBroker(t, {
    limits: { kinds: { node: { connectionsPerIdentity: 2 } } },
  })
  await enter(board, 'a')
  const second = await enter(board, 'b')
  const third = await call(board, { clientId: 'c' })
  t.false(await third.enter())
  t.is(third.returnCode, 3)
  await enter({ kind: 'node', name: 'board-2' }, 'c')
  // A board that comes back under its own id takes its old place.
  await enter(board, 'b')
  await eventually('the old one is out', () => second.closed)
  t.deepEqual(broker.counters().refused, { 'too-many-connections': 1 })
})

test('a board that joins has few packets, few filters, and little time', async t => {
  const { broker, call, refused } = await startSecureBroker(t, { limits: { kinds: { joining: { maxLifeMs: 400 } } } })
  const joining = await call(undefined, { clientId: 'fresh' })
  t.true(await joining.enter())
  t.true(await joining.subscribe(`${root}join/fresh/replies`))
  await joining.publish(`${root}join/fresh/requests`, 'let me in')
  await eventually('its time is over', () => joining.closed)
  t.is(broker.counters().dropped, 1)
  const large = await call(undefined, { clientId: 'large' })
  t.true(await large.enter())
  await large.publish(`${root}join/large/requests`, Buffer.alloc(40 * 1024))
  await eventually('it is out', () => large.closed)
  t.deepEqual(refused(), ['too-large'])
})

test('one address takes neither all the seats of boards that join, nor all of their turns', async t => {
  const limits = { maxJoiningPerAddress: 2, joinsPerAddress: { perSecond: 0.001, burst: 4 } }
  const { broker, call, refused } = await startSecureBroker(t, { limits })
  const come = async (clientId: string): Promise<{ in: boolean; client: Awaited<ReturnType<typeof call>> }> => {
    const client = await call(undefined, { clientId })
    return { in: await client.enter(), client }
  }
  const [first, second, third] = [await come('a'), await come('b'), await come('c')]
  t.deepEqual([first.in, second.in, third.in], [true, true, false])
  t.is(third.client.returnCode, 3)
  first.client.vanish()
  second.client.vanish()
  await eventually('they are gone', () => broker.counters().clients === 0)
  const [fourth, fifth] = [await come('d'), await come('e')]
  t.deepEqual([fourth.in, fifth.in], [true, true])
  fourth.client.vanish()
  fifth.client.vanish()
  await eventually('they are gone, too', () => broker.counters().clients === 0)
  t.false((await come('f')).in)
  t.deepEqual(refused(), ['too-many-connections', 'rate'])
  // A node of the same address is none of them.
  const node = await call(board, { clientId: 'agent' })
  t.true(await node.enter())
})

test('closing waits for nobody who has not said who it is', async t => {
  const { broker, port, enter } = await startSecureBroker(t, { limits: { handshakeMs: 60_000 } })
  const node = await enter(board, 'agent')
  const silent = connect(port, '127.0.0.1')
  silent.on('error', () => undefined)
  const mute = await secureSocket({ port })
  await eventually('all knock', () => broker.counters().connections === 3)
  await broker.close()
  for (const socket of [silent, mute]) await eventually('it is closed', () => socket.destroyed)
  await eventually('the client too', () => node.closed)
  t.is(broker.counters().connections, 0)
})
