import test, { type ExecutionContext } from 'ava'
import type { Identity } from '../../../contract/wire/identity.ts'
import { type Credentials, createCrl, readCertificate } from '../../../kit/x509.ts'
import { hasMosquitto } from '../../kit/bus/mosquitto.ts'
import { Pki } from '../../support/pki.ts'
import { secureSocket, WireClient } from '../../support/wire-client.ts'
import { cluster, root } from './embedded-harness.ts'
import { alice, board, bob } from './secure-broker.ts'
import { startSecureMosquitto } from './secure-mosquitto.ts'

interface Wire {
  port: number
  credentials?: Credentials
  clientId?: string
  username?: string
  password?: string
}

async function call(t: ExecutionContext, { port, credentials, clientId = 'x', ...login }: Wire): Promise<WireClient> {
  const tls = credentials ? { key: credentials.key, cert: credentials.certificate } : {}
  const socket = await secureSocket({ port, ...tls })
  t.teardown(() => socket.destroy())
  return new WireClient({ socket, clientId, ...login })
}

test('mosquitto lets in who has a valid certificate of the cluster, and nobody by a name', async t => {
  if (!hasMosquitto(t)) return
  const pki = await Pki.create()
  const revoked = await pki.client(bob)
  const day = 24 * 3600 * 1000
  const crl = await createCrl({
    ca: pki.ca,
    revoked: [{ serialNumber: readCertificate(revoked.certificate).serialNumber, revokedAt: new Date() }],
    ...{ thisUpdate: new Date(Date.now() - day), nextUpdate: new Date(Date.now() + day) },
  })
  const identities: Identity[] = [alice, bob, board, { kind: 'master' }]
  const { port, joinPort, close } = await startSecureMosquitto({ cluster, identities, tls: await pki.server(), crl })
  t.teardown(close)
  const enters = async (wire: Wire): Promise<boolean> => (await call(t, wire)).enter()
  t.true(await enters({ port, credentials: await pki.client(alice) }))
  t.false(await enters({ port, credentials: revoked }), 'revoked')
  t.false(await enters({ port, credentials: await pki.client(alice, -1000) }), 'expired')
  t.false(await enters({ port, credentials: await (await Pki.create()).client(alice) }), 'of another CA')
  t.false(await enters({ port, username: 'alice', password: 'secret' }), 'by name')
  // Where boards join, names are nobody's.
  const spy = await call(t, { port: joinPort, clientId: 'spy', username: 'system:master', password: 'x' })
  t.true(await spy.enter())
  await spy.subscribe(`${root}#`)
  const master = await call(t, { port, credentials: await pki.client({ kind: 'master' }), clientId: 'master' })
  t.true(await master.enter())
  await master.publish(`${root}nodes/board-1/requests`, 'for the board only')
  await spy.subscribe(`${root}join/spy/replies`)
  t.deepEqual(spy.heard, [])
})
