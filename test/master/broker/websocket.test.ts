import { get } from 'node:https'
import test, { type ExecutionContext } from 'ava'
import WebSocket, { createWebSocketStream } from 'ws'
import type { Credentials } from '../../../kit/x509.ts'
import { eventually } from '../../kit/eventually.ts'
import { WireClient } from '../../support/wire-client.ts'
import { root } from './embedded-harness.ts'
import { board, startSecureBroker } from './secure-broker.ts'

interface Call {
  credentials?: Credentials
  protocol?: string
  headers?: Record<string, string>
}

/** Resolves to the socket, or to the status with which it was refused. */
function open(t: ExecutionContext, port: number, { credentials, protocol = 'mqtt', headers = {} }: Call) {
  const tls = credentials ? { key: credentials.key, cert: credentials.certificate } : {}
  const socket = new WebSocket(`wss://127.0.0.1:${port}/`, protocol, { rejectUnauthorized: false, headers, ...tls })
  t.teardown(() => socket.terminate())
  return new Promise<WebSocket | number>((resolve, reject) => {
    socket.once('open', () => resolve(socket))
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
    socket.once('error', reject)
  })
}

const listen = [{ type: 'websocket' as const, host: '127.0.0.1', port: 0 }]

test('over WebSocket the rules are the same: a certificate names, the table holds', async t => {
  const { broker, port, pki, refused } = await startSecureBroker(t, { listen })
  const socket = await open(t, port, { credentials: await pki.client(board) })
  if (typeof socket === 'number') return t.fail(`status ${socket}`)
  const node = new WireClient({ socket: createWebSocketStream(socket), clientId: 'agent' })
  t.true(await node.enter())
  t.true(await node.subscribe(`${root}nodes/board-1/wish/#`))
  t.false(await node.subscribe(`${root}#`))
  await node.publish(`${root}nodes/board-1/presence`, 'here', true)
  await eventually('what it said is kept', () => broker.counters().retainedMessages === 1)
  await node.publish(`${root}nodes/board-2/presence`, 'here', true)
  await eventually('it is out', () => node.closed)
  t.deepEqual(refused(), ['subscription', 'topic'])
})

test('what is not MQTT in WebSocket, or comes from a page of another host, is refused', async t => {
  const { broker, port, refused } = await startSecureBroker(t, { listen })
  t.is(await open(t, port, { protocol: 'chat' }), 400)
  t.is(await open(t, port, { headers: { Origin: 'https://evil.example' } }), 400)
  t.is(await open(t, port, { headers: { Origin: 'null' } }), 400)
  t.deepEqual(refused(), ['malformed', 'malformed', 'malformed'])
  const own = await open(t, port, { headers: { Origin: `https://127.0.0.1:${port}` } })
  t.not(typeof own, 'number')
  const page = await fetchStatus(t, port)
  t.is(page, 426)
  await eventually('only the open one is left', () => broker.counters().connections <= 1)
})

async function fetchStatus(t: ExecutionContext, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const request = get({ port, host: '127.0.0.1', rejectUnauthorized: false }, response => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
  request.on('error', reject)
  t.teardown(() => request.destroy())
  return promise
}

test('a large frame is not collected for somebody unknown, nor are pings answered without an end', async t => {
  const { broker, port, refused } = await startSecureBroker(t, { listen })
  for (const attack of [
    (socket: WebSocket) => socket.send(Buffer.alloc(1024 * 1024)),
    (socket: WebSocket) => {
      for (let index = 0; index < 100; index++) socket.ping('x')
    },
  ]) {
    const socket = await open(t, port, {})
    if (typeof socket === 'number') return t.fail(`status ${socket}`)
    socket.on('error', () => undefined)
    let pongs = 0
    socket.on('pong', () => pongs++)
    attack(socket)
    await eventually('it is out', () => socket.readyState === WebSocket.CLOSED)
    t.true(pongs <= 10)
  }
  await eventually('nobody is left', () => broker.counters().connections === 0)
  t.deepEqual(refused(), ['too-large', 'rate'])
})
