import { createHash } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import { kindNamed, targetOf } from '../../cli/resource-args.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import { trustApiVersion } from '../../contract/resources/trust.ts'
import type { ClientContext } from '../../contract/wire/client-config.ts'
import type { JoinReply } from '../../contract/wire/join.ts'
import { type MqttBus, waitConnected } from '../../kit/bus/mqtt-bus.ts'
import { Requester } from '../../kit/bus/request.ts'
import { systemClock } from '../../kit/clock.ts'
import { systemRandom } from '../../kit/random.ts'
import { readCertificate } from '../../kit/x509.ts'
import { freePort } from '../kit/bus/mosquitto.ts'
import { eventually } from '../kit/eventually.ts'
import { adminOf, apiOf, connectAs, folder, makeUser, newCsr, runMaster, topics } from './running-master.ts'

const userNamed = (name: string) => targetOf(kindNamed('users'), undefined, name)
const asObject = (object: object): AnyObject => object as unknown as AnyObject

/** Asks on the join topics of this connection. */
async function askToJoin(t: ExecutionContext, bus: MqttBus, body: object): Promise<JoinReply> {
  await waitConnected(bus, 10_000)
  const repliesTopic = topics.joinReplies(bus.clientId)
  const requester = new Requester({ bus, repliesTopic, clock: systemClock, random: systemRandom })
  await requester.start()
  t.teardown(() => requester.stop())
  return (await requester.request(topics.joinRequests(bus.clientId), body, { timeoutMs: 10_000 })) as JoinReply
}

test('from an empty folder: a CA, an administrator over TLS, and the same after a restart', async t => {
  const directory = await folder(t)
  const first = await runMaster(t, directory)
  const admin = await adminOf(first)
  const api = await apiOf(t, connectAs(t, admin), 'admin')
  t.is((await api.version()).cluster, 'home')
  const { caFingerprint, addresses } = await api.invite()
  t.is(caFingerprint, readCertificate(admin.ca!).fingerprint)
  t.deepEqual(addresses, [`127.0.0.1:${first.port}`])
  await first.stop()
  const second = await runMaster(t, directory, first.port)
  t.deepEqual(await adminOf(second), admin)
  t.is((await (await apiOf(t, connectAs(t, admin), 'admin')).version()).cluster, 'home')
})

test('whoever gets a connection from a starting master gets an answer at once', async t => {
  const directory = await folder(t)
  const before = await runMaster(t, directory)
  const admin = await adminOf(before)
  await before.stop()
  const bus = connectAs(t, admin)
  const [, version] = await Promise.all([
    runMaster(t, directory, before.port),
    apiOf(t, bus, 'admin').then(api => api.version()),
  ])
  t.is(version.cluster, 'home')
})

test('a user is made, signed for, and cut off at once and for good when he is revoked', async t => {
  const master = await runMaster(t, await folder(t))
  const admin = await adminOf(master)
  const api = await apiOf(t, connectAs(t, admin), 'admin')
  await api.create(userNamed('alice'), asObject(makeUser('alice', { groups: ['system:masters'] })))
  const { csr, key } = await newCsr()
  const { certificate } = await api.sign(userNamed('alice'), csr)
  const alice: ClientContext = { ...admin, certificate, key }
  const bus = connectAs(t, alice)
  t.is((await (await apiOf(t, bus, 'alice')).version()).cluster, 'home')
  const { token } = await api.token(userNamed('alice'))
  const { certificate: _, key: __, ...bare } = admin
  const byToken = connectAs(t, { ...bare, token })
  t.is((await (await apiOf(t, byToken, 'alice')).version()).cluster, 'home')

  await api.patch(userNamed('alice'), { spec: { revoked: true } })
  await eventually('that both are cut off', () => !bus.connected && !byToken.connected)
  await eventually('why', () => bus.lastFailure?.match(/[Nn]ot authorized|refused|revoked/))
  await t.throwsAsync(api.sign(userNamed('alice'), csr), { code: 'Forbidden' } as object)
  const told = await eventually('an Event', async () => {
    const { items } = await api.list({ resource: 'events', group: '' })
    return items.find(event => event['reason'] === 'RefusedRevoked')
  })
  t.like(told, { type: 'Warning', involvedObject: { kind: 'User', name: 'alice' } })
})

test('a board joins over TLS by its token, connects as a node, and cannot once it is revoked', async t => {
  const master = await runMaster(t, await folder(t))
  const admin = await adminOf(master)
  const api = await apiOf(t, connectAs(t, admin), 'admin')
  const text = `abc123.${'k'.repeat(26)}`
  const spec = {
    tokenHash: createHash('sha256').update(text).digest('hex'),
    expirationTimestamp: new Date(systemClock.now() + 60_000).toISOString(),
    uses: 1,
  }
  const joinToken = { apiVersion: trustApiVersion, kind: 'JoinToken', metadata: { name: 'abc123' }, spec }
  await api.create({ resource: 'jointokens', group: 'flotilla.dev' }, asObject(joinToken))
  const { certificate: _, key: __, ...bare } = admin
  const { csr, key } = await newCsr()
  const reply = await askToJoin(t, connectAs(t, bare), { type: 'join', token: text, name: 'board-1', csr })
  if (!('certificate' in reply)) return t.fail()
  t.deepEqual(reply.servers, admin.servers)
  const board = connectAs(t, { ...bare, certificate: reply.certificate, key })
  await waitConnected(board, 10_000)
  await api.patch({ resource: 'nodeidentities', group: 'flotilla.dev', name: 'board-1' }, { spec: { revoked: true } })
  await eventually('that it is cut off', () => !board.connected)
  const again = { type: 'join', token: text, name: 'board-1', csr }
  await t.throwsAsync(askToJoin(t, connectAs(t, bare), again), { code: 'Forbidden' } as object)
})

test('who shows nothing, or trusts another CA, gets nothing', async t => {
  const master = await runMaster(t, await folder(t))
  const other = await runMaster(t, await folder(t), await freePort())
  const admin = await adminOf(master)
  const { certificate: _, key: __, ...bare } = admin
  const joining = connectAs(t, bare)
  await waitConnected(joining, 10_000)
  await t.throwsAsync(
    (async () => {
      const repliesTopic = topics.clientReplies({ username: 'admin', client: joining.clientId })
      const requester = new Requester({ bus: joining, repliesTopic, clock: systemClock, random: systemRandom })
      t.teardown(() => requester.stop())
      await requester.start()
    })(),
  )
  const stranger = connectAs(t, { ...admin, servers: (await adminOf(other)).servers! })
  await eventually('that the master is not believed', () => stranger.lastFailure)
  t.false(stranger.connected)
  const { ca } = await adminOf(other)
  const impostor = connectAs(t, { ...admin, servers: (await adminOf(other)).servers!, ca: ca! })
  await eventually('that the certificate is refused', () => impostor.lastFailure)
  t.false(impostor.connected)
})
