import { connect as connectTcp } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import test from 'ava'
import type { Identity } from '../../../contract/wire/identity.ts'
import type { Policy } from '../../../master/broker/policy.ts'
import { eventually } from '../../kit/eventually.ts'
import { byCertificate, Pki } from '../../support/pki.ts'
import { secureSocket, WireClient } from '../../support/wire-client.ts'
import { root } from './embedded-harness.ts'
import { alice, board, bob, startSecureBroker } from './secure-broker.ts'

test('a certificate that is not valid lets nobody in, though the policy overlooks it, and the client is told', async t => {
  const { port, pki, refused, events } = await startSecureBroker(t)
  const server = await pki.server()
  const shown = {
    'certificate-expired': await pki.client(board, -1000),
    'certificate-invalid': await (await Pki.create()).client(board),
    // Of this CA, and not for clients.
    'not-admitted': { key: server.key, certificate: server.cert },
  }
  for (const [reason, { key, certificate }] of Object.entries(shown)) {
    const socket = await secureSocket({ port, key, cert: certificate })
    const client = new WireClient({ socket, clientId: 'x' })
    t.false(await client.enter())
    t.is(client.returnCode, 5, reason)
  }
  t.is(refused()[0], 'certificate-expired')
  t.is(refused()[1], 'certificate-invalid')
  t.is(refused().length, 3)
  const [first] = events
  t.like(first, { type: 'refused', identity: board, clientId: 'x', address: '127.0.0.1' })
})

test('a client id belongs to the identity that holds it: another is refused, the same takes over', async t => {
  const { broker, enter, call, refused } = await startSecureBroker(t)
  const first = await enter(alice, 'laptop')
  const thief = await call(bob, { clientId: 'laptop' })
  t.false(await thief.enter())
  t.is(thief.returnCode, 2)
  t.false(first.closed)
  t.deepEqual(refused(), ['client-id'])
  const second = await enter(alice, 'laptop')
  await eventually('the first is put out', () => first.closed)
  t.false(second.closed)
  second.vanish()
  await eventually('nobody is left', () => broker.counters().clients === 0)
  await enter(bob, 'laptop')
})

test('of two that claim one client id at the same moment, one identity gets it', async t => {
  const waiting: Array<() => void> = []
  const policy: Policy = {
    admit: async facts => {
      await new Promise<void>(resolve => waiting.push(resolve))
      return byCertificate.admit(facts)
    },
  }
  const { call, refused } = await startSecureBroker(t, { policy })
  const both = await Promise.all([call(alice, { clientId: 'x' }), call(bob, { clientId: 'x' })])
  await eventually('both wait', () => waiting.length === 2)
  for (const admit of waiting) admit()
  const entered = await Promise.all(both.map(client => client.enter()))
  t.is(entered.filter(Boolean).length, 1)
  t.deepEqual(refused(), ['client-id'])
})

test('boards that join share a name and are strangers: none puts out another', async t => {
  const { enter, call } = await startSecureBroker(t)
  const joining: Identity = { kind: 'joining' }
  const first = await call(undefined, { clientId: 'fresh' })
  t.true(await first.enter())
  const other = await call(undefined, { clientId: 'fresh' })
  t.false(await other.enter())
  t.false(first.closed)
  await enter(board, joining.kind)
})

for (const clientId of ['', 'a/b', '+', 'a#', 'a\u0001', 'a\u202eb', 'x'.repeat(129)]) {
  test(`a client id that would break out of its topic or deceive is refused: ${JSON.stringify(clientId).slice(0, 20)}`, async t => {
    const { call, refused } = await startSecureBroker(t)
    const client = await call(board, { clientId })
    t.false(await client.enter())
    // mqtt-packet ends the connection by itself for control characters.
    t.true(client.returnCode === 2 || client.closed)
    t.is(refused().length, 1)
  })
}

test('who is no longer welcome is put out at once when it is asked again, and the others stay', async t => {
  const revoked = new Set<string>()
  const policy: Policy = {
    async admit(facts) {
      const admission = await byCertificate.admit(facts)
      if ('refused' in admission || !('name' in admission.identity)) return admission
      const { name } = admission.identity
      return {
        ...admission,
        stillWelcome: () =>
          revoked.has(name) ? { reason: 'revoked', text: 'its certificate was revoked' } : undefined,
      }
    },
  }
  const { broker, enter, call, refused } = await startSecureBroker(t, { policy })
  const watcher = await enter({ kind: 'master' }, 'master')
  await watcher.subscribe(`${root}#`)
  const presence = `${root}nodes/board-1/presence`
  const will = { topic: presence, payload: Buffer.from('gone'), qos: 1 as const, retain: true }
  const cut = await call(board, { clientId: 'agent', will })
  t.true(await cut.enter())
  const other = await enter(alice, 'laptop')
  broker.recheck()
  revoked.add('board-1')
  broker.recheck()
  await eventually('it is out', () => cut.closed)
  await eventually('its will', () => watcher.heard.includes(`${presence}=gone`))
  t.false(other.closed)
  t.deepEqual(refused(), ['revoked'])
})

test('the certificate of the server is replaced while it runs', async t => {
  const { broker, port, pki, enter } = await startSecureBroker(t)
  const seen = async (): Promise<string | undefined> => {
    const socket = (await secureSocket({ port })) as TLSSocket
    const { serialNumber } = socket.getPeerCertificate()
    socket.destroy()
    return serialNumber
  }
  const before = await seen()
  const old = await enter(board, 'agent')
  broker.setServerCertificate(await pki.server())
  t.not(await seen(), before)
  t.is(await seen(), await seen())
  t.false(old.closed)
  await enter(alice, 'laptop')
})

test('neither plain bytes nor old TLS get past the door', async t => {
  const { broker, port, refused } = await startSecureBroker(t)
  const plain = connectTcp(port, '127.0.0.1')
  plain.on('error', () => undefined)
  plain.end(Buffer.from([0x10, 14, 0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 60, 0, 2, 97, 98]))
  await eventually('it is closed', () => plain.closed)
  const old = connectTls({
    ...{ port, host: '127.0.0.1', rejectUnauthorized: false },
    ...{ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
  })
  old.on('error', () => undefined)
  await eventually('this one too', () => old.closed)
  await eventually('both are told', () => refused().length === 2)
  t.deepEqual(refused(), ['tls', 'tls'])
  t.is(broker.counters().connections, 0)
})

test('whoever renegotiates is put out', async t => {
  const { broker, port, pki, refused } = await startSecureBroker(t)
  const { key, certificate: cert } = await pki.client(board)
  const socket = (await secureSocket({ port, key, cert, maxVersion: 'TLSv1.2' })) as TLSSocket
  t.is(socket.getProtocol(), 'TLSv1.2')
  const client = new WireClient({ socket, clientId: 'agent' })
  t.true(await client.enter())
  socket.renegotiate({}, () => undefined)
  await eventually('it is out', () => client.closed)
  await eventually('it is told', () => refused().length > 0)
  t.deepEqual(refused(), ['renegotiation'])
  t.is(broker.counters().clients, 0)
})
