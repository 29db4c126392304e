import { createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { parseBrokerAddress } from '../../../kit/bus/broker-address.ts'
import { connectMqttBus, type MqttBus, waitConnected } from '../../../kit/bus/mqtt-bus.ts'
import { CodedError } from '../../../kit/errors.ts'
import { silentLog } from '../../../kit/log.ts'
import { eventually } from '../eventually.ts'
import { hasMosquitto, startMosquitto } from './mosquitto.ts'

/** A port of the loopback, where `onSocket` answers. */
async function listening(
  t: ExecutionContext,
  onSocket: (socket: Socket) => void,
): Promise<{ port: number; close: () => void }> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket.on('error', () => undefined))
    onSocket(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(close)
  return { port: typeof address === 'object' && address ? address.port : 0, close }
}

function connectTo(t: ExecutionContext, port: number): MqttBus {
  const bus = connectMqttBus({
    url: `mqtt://127.0.0.1:${port}`,
    clientId: 'a',
    keepaliveSeconds: 10,
    log: silentLog,
    reconnectMs: { minMs: 10, maxMs: 20 },
    connectTimeoutMs: 100,
  })
  t.teardown(() => bus.close())
  return bus
}

test('waiting for a broker that is not there ends with its address and the reason', async t => {
  const { port, close } = await listening(t, () => undefined)
  close()
  const error = await t.throwsAsync(waitConnected(connectTo(t, port), 300), { instanceOf: CodedError })
  t.is(error.code, 'ServiceUnavailable')
  t.is(error.message, `cannot reach the broker at 127.0.0.1:${port}: ECONNREFUSED`)
})

test('a port that accepts and says nothing is given up after the time to connect, and tried again', async t => {
  let attempts = 0
  const { port } = await listening(t, () => attempts++)
  const error = await t.throwsAsync(waitConnected(connectTo(t, port), 1000), { instanceOf: CodedError })
  t.regex(error.message, /connack timeout/)
  await eventually('another attempt', () => attempts > 1)
})

test('a peer that speaks no MQTT does no harm', async t => {
  const { port } = await listening(t, socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const bus = connectTo(t, port)
  await t.throwsAsync(waitConnected(bus, 300), { message: /cannot reach the broker/ })
  t.false(bus.connected)
})

test('a peer that announces a giant packet is cut off', async t => {
  const { port } = await listening(t, socket => socket.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])))
  await t.throwsAsync(waitConnected(connectTo(t, port), 300), { message: /announces at least \d+ bytes/ })
})

test('a frozen wire is noticed by the ping that nobody answers', async t => {
  if (!hasMosquitto(t)) return
  const harness = await startMosquitto()
  t.teardown(() => harness.close())
  // One by what it promised the broker, one by its own pace.
  const buses = [
    await harness.connect('alice', undefined, { keepaliveSeconds: 1 }),
    await harness.connect('bob', undefined, { keepaliveSeconds: 60, pingSeconds: 1 }),
  ]
  for (const clientId of ['alice', 'bob']) harness.freeze(clientId)
  for (const bus of buses) {
    await eventually('the end of the connection', () => !bus.connected)
    // The broker may lose patience in the same moment.
    t.regex(bus.lastFailure ?? '', /^(Keepalive timeout|the connection was closed)$/)
  }
})

test('a publication under way when the connection ends is rejected', async t => {
  if (!hasMosquitto(t)) return
  const harness = await startMosquitto()
  t.teardown(() => harness.close())
  const bus = await harness.connect('alice')
  harness.freeze('alice')
  const publishing = bus.publish('a', 'x')
  harness.cut('alice')
  const error = await t.throwsAsync(publishing, { instanceOf: CodedError })
  t.is(error.code, 'ServiceUnavailable')
})

test('what would not fit a packet, or too much at once, is refused before it is sent', async t => {
  if (!hasMosquitto(t)) return
  const harness = await startMosquitto()
  t.teardown(() => harness.close())
  const bus = await harness.connect('alice')
  const large = await t.throwsAsync(bus.publish('a', Buffer.alloc(5 * 1024 * 1024)), { instanceOf: CodedError })
  t.is(large.code, 'RequestEntityTooLarge')
  harness.freeze('alice')
  const publishing = Array.from({ length: 40 }, () => bus.publish('a', Buffer.alloc(1024 * 1024)))
  const settled = Promise.allSettled(publishing)
  const refusal = await t.throwsAsync(Promise.all(publishing), { instanceOf: CodedError })
  t.is(refusal.code, 'TooManyRequests')
  harness.cut('alice')
  await settled
})

test('addresses are read, and named without their password', t => {
  const rows: Array<[url: string, text: string]> = [
    ['mqtt://broker', 'broker:1883'],
    ['mqtt://10.0.0.1:2000', '10.0.0.1:2000'],
    ['mqtts://broker', 'broker:8883'],
    ['mqtt://[::1]:1883', '[::1]:1883'],
    ['mqtts+unix:///run/flotilla/mqtt.sock', '/run/flotilla/mqtt.sock'],
    ['mqtt://user:secret@broker', 'broker:1883'],
  ]
  for (const [url, text] of rows) t.is(parseBrokerAddress(url).text, text)
  t.like(parseBrokerAddress('mqtt://user:s%40cret@broker'), { username: 'user', password: 's@cret' })
})

test('what is no address of a broker is refused with the reason, and without its password', t => {
  for (const url of [
    '',
    'broker:1883',
    'http://broker',
    'mqtt://',
    'mqtt+unix:///path',
    'mqtts+unix://host/path',
    'mqtt://u:secret@:1',
  ]) {
    const error = t.throws(() => parseBrokerAddress(url), { instanceOf: CodedError }, url)
    t.is(error.code, 'BadRequest')
    t.false(error.message.includes('secret'))
  }
})
