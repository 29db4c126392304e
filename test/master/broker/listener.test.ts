import { mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { CodedError } from '../../../kit/errors.ts'
import { byCertificate, Pki } from '../../support/pki.ts'
import { secureSocket, WireClient } from '../../support/wire-client.ts'
import { startBroker } from './embedded-harness.ts'

async function temporary(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-broker-'))
  t.teardown(() => rm(directory, { recursive: true }))
  return directory
}

const wayOut = 'or choose another path with --socket'

test('a unix socket serves with TLS, has the mode asked for, and replaces one that a dead process left', async t => {
  const socketPath = join(await temporary(t), 'mqtt.sock')
  const pki = await Pki.create()
  const options = { listen: [{ type: 'tls-unix' as const, socketPath, mode: 0o600 }], tls: await pki.server() }
  // Left behind: listening, then closed without the file being removed (as by SIGKILL).
  await leaveSocket(socketPath)
  const { broker } = await startBroker(t, { ...options, policy: byCertificate })
  t.is((await stat(socketPath)).mode & 0o777, 0o600)
  const { certificate: cert, key } = await pki.client({ kind: 'node', name: 'board-1' })
  const socket = await secureSocket({ path: socketPath, cert, key })
  const client = new WireClient({ socket, clientId: 'a' })
  t.true(await client.enter())
  client.vanish()
  const second = await t.throwsAsync(startBroker(t, options), { instanceOf: CodedError })
  t.is(second.message, `cannot listen on ${socketPath}: because another process does: end it, ${wayOut}`)
  await broker.close()
  await writeFile(socketPath, 'not a socket')
  const inTheWay = `cannot listen on ${socketPath}: because there is a file: remove it, ${wayOut}`
  await t.throwsAsync(startBroker(t, options), { message: inTheWay })
})

test('the directory of a unix socket is made, for all to pass', async t => {
  const run = join(await temporary(t), 'run/flotilla')
  const tls = await (await Pki.create()).server()
  await startBroker(t, { listen: [{ type: 'tls-unix', socketPath: join(run, 'mqtt.sock'), mode: 0o660 }], tls })
  t.is((await stat(run)).mode & 0o777, 0o755 & ~process.umask())
})

async function leaveSocket(path: string): Promise<void> {
  const server = createServer()
  const hidden = `${path}.bound`
  await new Promise<void>(resolve => server.listen(hidden, resolve))
  await rename(hidden, path)
  await new Promise(resolve => server.close(resolve))
}

test('a port in use is an error that names it', async t => {
  const { broker, port } = await startBroker(t)
  const error = await t.throwsAsync(startBroker(t, { listen: [{ type: 'plain', host: '127.0.0.1', port }] }), {
    instanceOf: CodedError,
  })
  const reason = `because another program does (EADDRINUSE): end it, or choose another address with --plain-listen`
  t.is(error.message, `cannot listen on 127.0.0.1:${port}: ${reason}`)
  await broker.close()
  await broker.close()
})

test('without TLS it listens on the loopback only, and with TLS not without a certificate', async t => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'localhost', '127.0.0.1.example']) {
    const error = await t.throwsAsync(startBroker(t, { listen: [{ type: 'plain', host, port: 0 }] }))
    t.regex(error.message, /because without TLS, passwords and all else could be read there/, host)
  }
  for (const host of ['127.0.0.1', '127.1.2.3']) await startBroker(t, { listen: [{ type: 'plain', host, port: 0 }] })
  await t.throwsAsync(startBroker(t, { listen: [{ type: 'tls', host: '127.0.0.1', port: 0 }] }), {
    message: /because there is no certificate/,
  })
})
