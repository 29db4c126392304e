import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createTcpServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type TlsOptions as ServerTlsOptions, type TLSSocket } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import type { ConnectionFailure } from '../../../kit/bus/connection-failure.ts'
import { connectMqttBus, type MqttBus, type MqttBusOptions, waitConnected } from '../../../kit/bus/mqtt-bus.ts'
import { createLog, silentLog } from '../../../kit/log.ts'
import { type Credentials, createCa, generateKey, issueCertificate, publicKeyOf } from '../../../kit/x509.ts'
import { eventually } from '../eventually.ts'
import { hasMosquitto, startMosquitto } from './mosquitto.ts'

const name = 'broker.test'
const year = (at: number): Date => new Date(Date.UTC(at, 0, 1))
const ca = await createCa({
  subject: { commonName: 'ca' },
  serialNumber: '01',
  notBefore: year(1970),
  notAfter: year(2070),
})
const server = await issue('server', year(2060))
const client = await issue('client', year(2060))
const oldClient = await issue('client', year(2020))

async function issue(use: 'server' | 'client', notAfter: Date): Promise<Credentials> {
  const key = generateKey()
  const names = use === 'server' ? { dnsNames: [name] } : {}
  const fixed = { ca, subject: { commonName: use }, serialNumber: '05', notBefore: year(1970), use, ...names }
  return { certificate: await issueCertificate({ ...fixed, publicKey: publicKeyOf(key), notAfter }), key }
}

/** CONNACK of MQTT 3.1.1 with this return code (3.2). */
const connack = (code: number): Buffer => Buffer.from([0x20, 0x02, 0x00, code])

interface Heard {
  port: number
  /** Of all connections, one after the other. */
  clients: Array<string | undefined>
  bytes: number
}

/** Says `code` to each CONNECT. */
async function brokerThat(t: ExecutionContext, code: number, options: ServerTlsOptions = {}): Promise<Heard> {
  const heard: Heard = { port: 0, clients: [], bytes: 0 }
  const sockets = new Set<TLSSocket>()
  const tls = {
    cert: `${server.certificate}${ca.certificate}`,
    key: server.key,
    ca: ca.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  }
  const listener = createServer({ ...tls, ...options }, socket => {
    sockets.add(socket.on('error', () => undefined))
    socket.on('data', chunk => {
      heard.bytes += chunk.length
    })
    socket.once('data', () => {
      heard.clients.push(socket.getPeerX509Certificate()?.fingerprint256)
      socket.write(connack(code))
    })
  })
  listener.on('tlsClientError', () => undefined)
  heard.port = await listen(t, listener)
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  return heard
}

async function listen(t: ExecutionContext, listener: Server, path?: string): Promise<number> {
  await new Promise<void>(resolve => (path ? listener.listen(path, resolve) : listener.listen(0, '127.0.0.1', resolve)))
  t.teardown(() => listener.close())
  const address = listener.address()
  return typeof address === 'object' && address ? address.port : 0
}

function connect(
  t: ExecutionContext,
  options: Partial<MqttBusOptions> & Pick<MqttBusOptions, 'url'>,
): { bus: MqttBus; failures: ConnectionFailure[] } {
  const pace = { minMs: 10, maxMs: 20 }
  const bus = connectMqttBus({
    ...{ clientId: 'a', keepaliveSeconds: 60, log: silentLog, reconnectMs: pace, refusedMs: pace },
    tls: { ca: ca.certificate, servername: name },
    ...options,
  })
  t.teardown(() => bus.close())
  const failures: ConnectionFailure[] = []
  bus.onFailure(failure => failures.push(failure))
  return { bus, failures }
}

test('a broker of our CA is connected to, wherever its name was found, with our certificate', async t => {
  const heard = await brokerThat(t, 0)
  const tls = { ca: ca.certificate, servername: name, cert: client.certificate, key: client.key }
  const { bus } = connect(t, { url: `mqtts://127.0.0.1:${heard.port}`, tls })
  await waitConnected(bus, 5000)
  t.truthy(heard.clients[0])
})

test('a unix socket has TLS as well', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-tls-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'sock')
  const listener = createServer({ cert: server.certificate, key: server.key }, socket => {
    socket.on('error', () => undefined).once('data', () => socket.write(connack(0)))
  })
  await listen(t, listener, path)
  const { bus } = connect(t, { url: `mqtts+unix://${path}` })
  await waitConnected(bus, 5000)
  t.is(bus.address, path)
})

test('a broker that is not the one that was meant is told nothing, and the reason is named', async t => {
  const stranger = await createCa({
    subject: { commonName: 'ca' },
    serialNumber: '01',
    notBefore: year(1970),
    notAfter: year(2070),
  })
  const rows: Array<[tls: MqttBusOptions['tls'], reason: RegExp]> = [
    [{ ca: stranger.certificate, servername: name }, /not of our CA/],
    [{ ca: ca.certificate, servername: 'other.test' }, /for other names/],
    [{ verify: () => fail('its face is wrong') }, /its face is wrong/],
    [{}, /not of our CA/],
  ]
  for (const [tls, reason] of rows) {
    const heard = await brokerThat(t, 0)
    const { bus, failures } = connect(t, { url: `mqtts://localhost:${heard.port}`, ...(tls && { tls }) })
    await eventually('a failure', () => failures.length > 0)
    t.regex(bus.lastFailure ?? '', reason)
    t.is(failures[0]?.kind, 'untrusted')
    t.is(heard.bytes, 0)
  }
  function fail(reason: string): never {
    throw new Error(reason)
  }
})

test('a verdict of our own takes the place of the clock: a certificate that has run out may do', async t => {
  const old = await issue('server', year(2020))
  const heard = await brokerThat(t, 0, { cert: `${old.certificate}${ca.certificate}`, key: old.key })
  const strict = connect(t, { url: `mqtts://127.0.0.1:${heard.port}` })
  await eventually('the refusal', () => strict.failures.length > 0)
  t.regex(strict.bus.lastFailure ?? '', /has run out, by this machine's clock/)
  const seen: string[] = []
  const tls = {
    verify: (certificate: { subject: string; issuerCertificate?: { subject: string } | undefined }) =>
      seen.push(certificate.subject, certificate.issuerCertificate?.subject ?? ''),
  }
  const lenient = connect(t, {
    url: `mqtts://127.0.0.1:${heard.port}`,
    tls: { verify: certificate => void tls.verify(certificate) },
  })
  await waitConnected(lenient.bus, 5000)
  t.deepEqual(seen, ['CN=server', 'CN=ca'])
})

test('a broker that says no is told apart from one that is away', async t => {
  const heard = await brokerThat(t, 5)
  const { bus, failures } = connect(t, { url: `mqtts://127.0.0.1:${heard.port}` })
  await eventually('the refusal', () => failures.length > 0)
  t.is(failures[0]?.kind, 'refused')
  t.regex(bus.lastFailure ?? '', /the broker refuses us: not authorized/)
  const away = connect(t, { url: 'mqtts://127.0.0.1:1' })
  await eventually('the failure', () => away.failures.length > 0)
  t.deepEqual(away.failures[0], { kind: 'ended', reason: 'ECONNREFUSED' })
})

test('a certificate of ours that has run out is named, by a broker that ends the handshake over it', async t => {
  if (!hasMosquitto(t)) return
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-tls-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const files = { cafile: ca.certificate, certfile: server.certificate, keyfile: server.key }
  for (const [file, text] of Object.entries(files)) await writeFile(join(directory, file), text)
  const settings = Object.keys(files).map(file => `${file} ${join(directory, file)}`)
  // Or it gives up being root before it reads these files, which are root's.
  const broker = await startMosquitto([...settings, 'require_certificate true', 'user root'])
  t.teardown(() => broker.close())
  const url = `mqtts://127.0.0.1:${broker.port}`
  const show = (own: Partial<Credentials>): ConnectionFailure[] => {
    const shown = { ...(own.certificate && { cert: own.certificate }), ...(own.key && { key: own.key }) }
    return connect(t, { url, tls: { ca: ca.certificate, servername: name, ...shown } }).failures
  }
  const [expired, missing] = [show(oldClient), show({})]
  await eventually('both refusals', () => expired.length > 0 && missing.length > 0)
  t.deepEqual(expired[0], { kind: 'refused', reason: 'our certificate has run out, says the broker' })
  t.deepEqual(missing[0], { kind: 'refused', reason: 'the broker wants a certificate of ours, and there is none' })
})

test('the certificate is taken anew at each attempt, and a reconnection for it is no outage', async t => {
  const heard = await brokerThat(t, 0)
  const own: Credentials[] = [client, await issue('client', year(2061))]
  const lines: string[] = []
  const next = { index: 0 }
  const tls = () => ({
    ca: ca.certificate,
    servername: name,
    cert: own[next.index]!.certificate,
    key: own[next.index]!.key,
  })
  const { bus, failures } = connect(t, {
    url: `mqtts://127.0.0.1:${heard.port}`,
    tls,
    log: createLog({ write: line => lines.push(line) }),
  })
  await waitConnected(bus, 5000)
  next.index = 1
  await bus.reconnect()
  await waitConnected(bus, 5000)
  t.is(new Set(heard.clients).size, 2)
  t.deepEqual(failures, [])
  t.false(lines.some(line => line.includes('not connected')))
})

test('several servers are tried in turn, and the one that answers is named', async t => {
  const heard = await brokerThat(t, 0)
  const { bus, failures } = connect(t, {
    url: ['mqtts://127.0.0.1:1', 'mqtts://127.0.0.1:2', `mqtts://127.0.0.1:${heard.port}`],
  })
  await waitConnected(bus, 5000)
  t.is(bus.url, `mqtts://127.0.0.1:${heard.port}`)
  t.is(failures.length, 2)
})

test('a port that takes the connection and never speaks TLS is given up; one that speaks plainly is named', async t => {
  const silent = await listen(
    t,
    createTcpServer(socket => socket.on('error', () => undefined)),
  )
  const plain = await listen(
    t,
    createTcpServer(socket => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  )
  const one = connect(t, { url: `mqtts://127.0.0.1:${silent}`, connectTimeoutMs: 100 })
  const two = connect(t, { url: `mqtts://127.0.0.1:${plain}` })
  await eventually('both failures', () => one.failures.length > 0 && two.failures.length > 0)
  t.is(one.bus.lastFailure, 'no TLS within 100 ms')
  t.is(two.bus.lastFailure, 'what answers there does not speak TLS')
})
