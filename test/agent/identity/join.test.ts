import { createHash } from 'node:crypto'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { loadIdentity } from '../../../agent/identity/identity.ts'
import { type JoinParts, joinCluster } from '../../../agent/identity/join.ts'
import { type Clock, systemClock } from '../../../kit/clock.ts'
import { CodedError } from '../../../kit/errors.ts'
import { silentLog } from '../../../kit/log.ts'
import { systemRandom } from '../../../kit/random.ts'
import { createCa, generateKey, issueCertificate, publicKeyOf } from '../../../kit/x509.ts'
import { startCluster, temporaryDirectory } from './cluster.ts'

const parts = { clock: systemClock, random: systemRandom, log: silentLog }

async function board(t: ExecutionContext): Promise<{
  dataDirectory: string
  join: (options: Pick<JoinParts, 'ticket'> & Partial<JoinParts>) => ReturnType<typeof joinCluster>
}> {
  const dataDirectory = await temporaryDirectory(t)
  return { dataDirectory, join: options => joinCluster({ nodeName: 'board-1', dataDirectory, ...parts, ...options }) }
}

/** A server with TLS that counts what it is told, and says who it is with certificates of another CA. */
async function startStranger(t: ExecutionContext): Promise<{ port: number; heard: () => number }> {
  const times = { notBefore: new Date(0), notAfter: new Date(Date.UTC(2040, 0, 1)) }
  const ca = await createCa({ subject: { commonName: 'another' }, serialNumber: '01', ...times })
  const key = generateKey()
  const issue = {
    ca,
    subject: { commonName: 'x' },
    publicKey: publicKeyOf(key),
    use: 'server' as const,
    dnsNames: ['flotilla-master'],
  }
  const certificate = await issueCertificate({ ...issue, serialNumber: '02', ...times })
  const seen = { bytes: 0 }
  const server = createTlsServer({ key, cert: `${certificate}${ca.certificate}` }, socket => {
    socket.on('data', chunk => {
      seen.bytes += chunk.length
    })
    socket.on('error', () => undefined)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  return { port: typeof address === 'object' && address ? address.port : 0, heard: () => seen.bytes }
}

async function closedPort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

test('a board joins by its line: its key never leaves it, and what it keeps is for its owner alone', async t => {
  const cluster = await startCluster(t)
  const { dataDirectory, join: joinBoard } = await board(t)
  t.is(await joinBoard({ ticket: await cluster.ticket() }), 'joined')
  const identity = await loadIdentity({ dataDirectory, ...parts })
  t.like(identity, { nodeName: 'board-1', cluster: 'home', username: 'system:node:board-1' })
  t.deepEqual(identity?.servers, [`mqtts://127.0.0.1:${cluster.port}`])
  const known = await cluster.identityOf('board-1')
  t.is(known?.spec.publicKey, publicKeyOf(identity?.privateKeyPem() ?? '').toString('base64'))
  const directory = join(dataDirectory, 'identity')
  t.is((await stat(directory)).mode & 0o777, 0o700)
  for (const name of await readdir(directory)) t.is((await stat(join(directory, name))).mode & 0o777, 0o600, name)
  t.deepEqual((await readdir(directory)).sort(), ['identity.json', 'time.json'])
})

test('the token is nowhere on the disk afterwards', async t => {
  const cluster = await startCluster(t)
  const { dataDirectory, join: joinBoard } = await board(t)
  const ticket = await cluster.ticket()
  await joinBoard({ ticket })
  for (const name of await readdir(join(dataDirectory, 'identity')))
    t.false((await readFile(join(dataDirectory, 'identity', name), 'utf8')).includes(ticket.token.secret), name)
})

test('a stranger in the place of the master is told nothing, and nothing changes', async t => {
  const cluster = await startCluster(t)
  const stranger = await startStranger(t)
  const { dataDirectory, join: joinBoard } = await board(t)
  const ticket = await cluster.ticket({ addresses: [`127.0.0.1:${stranger.port}`] })
  const error = await t.throwsAsync(joinBoard({ ticket }), { instanceOf: CodedError })
  t.is(error.code, 'Unauthorized')
  t.regex(error.message, /no certificate that it shows has the fingerprint of the join line.*Nothing was sent/)
  t.false(error.message.includes(ticket.token.secret))
  t.is(stranger.heard(), 0)
  t.deepEqual(await readdir(dataDirectory), [])
})

test('a line with the fingerprint of another cluster is refused, and its token stays unused', async t => {
  const cluster = await startCluster(t)
  const { join: joinBoard } = await board(t)
  const ticket = await cluster.ticket()
  const wrong = { ...ticket, caFingerprint: createHash('sha256').update('x').digest('hex') }
  t.is((await t.throwsAsync(joinBoard({ ticket: wrong }), { instanceOf: CodedError })).code, 'Unauthorized')
  t.is(await joinBoard({ ticket }), 'joined')
})

test('a join that was refused leaves nothing behind to wait for', async t => {
  const stranger = await startStranger(t)
  const cluster = await startCluster(t)
  const { join: joinBoard } = await board(t)
  const waiting = new Set<object>()
  const clock: Clock = {
    ...systemClock,
    after(delayMs, run) {
      const timer = {}
      waiting.add(timer)
      const cancel = systemClock.after(delayMs, () => {
        waiting.delete(timer)
        run()
      })
      return () => {
        waiting.delete(timer)
        cancel()
      }
    },
  }
  const ticket = await cluster.ticket({ addresses: [`127.0.0.1:${stranger.port}`, `127.0.0.1:${await closedPort()}`] })
  await t.throwsAsync(joinBoard({ ticket, clock }), { instanceOf: CodedError })
  t.is(waiting.size, 0)
})

test('addresses are tried in turn: one where nobody is, one where a stranger is, then the master', async t => {
  const cluster = await startCluster(t)
  const stranger = await startStranger(t)
  const { join: joinBoard } = await board(t)
  const addresses = [await closedPort(), stranger.port, cluster.port].map(port => `127.0.0.1:${port}`)
  const said: string[] = []
  t.is(await joinBoard({ ticket: await cluster.ticket({ addresses }), onProgress: line => said.push(line) }), 'joined')
  t.regex(said.join('\n'), /ECONNREFUSED[\s\S]*cannot trust[\s\S]*this board is node board-1/)
})

test('when nobody answers, the addresses and reasons are told, and trying again may help', async t => {
  const cluster = await startCluster(t)
  const { dataDirectory, join: joinBoard } = await board(t)
  const ticket = await cluster.ticket({ addresses: [`127.0.0.1:${await closedPort()}`] })
  const error = await t.throwsAsync(joinBoard({ ticket }), { instanceOf: CodedError, message: /ECONNREFUSED/ })
  t.is(error.code, 'ServiceUnavailable')
  t.deepEqual(await readdir(dataDirectory), [])
})

test('what the master refuses is said in its own words, and nothing is left', async t => {
  const cluster = await startCluster(t)
  const { dataDirectory, join: joinBoard } = await board(t)
  const ticket = await cluster.ticket({ nodeName: 'board-2' })
  const error = await t.throwsAsync(joinBoard({ ticket }), {
    instanceOf: CodedError,
    message: /the token is for board-2 alone/,
  })
  t.is(error.code, 'Forbidden')
  t.deepEqual(await readdir(join(dataDirectory, 'identity')), [])
})

test('a board that lost its power after its token was used up shows the same key again, and is let in', async t => {
  const cluster = await startCluster(t)
  const { dataDirectory, join: joinBoard } = await board(t)
  const ticket = await cluster.ticket()
  const directory = join(dataDirectory, 'identity')
  // As if the power had gone between the request and the answer: the key is there, and the identity is not.
  await joinBoard({ ticket })
  const { key, joinedBy } = JSON.parse(await readFile(join(directory, 'identity.json'), 'utf8'))
  const pending = JSON.stringify({ version: 1, attempt: joinedBy, key })
  await rm(join(directory, 'identity.json'))
  await writeFile(join(directory, 'joining.json'), pending, { mode: 0o600 })
  t.is(await joinBoard({ ticket }), 'joined')
  const identity = await loadIdentity({ dataDirectory, ...parts })
  t.is(identity?.privateKeyPem(), key)
})

test('another board cannot use a token that is used up', async t => {
  const cluster = await startCluster(t)
  const [one, two] = [await board(t), await board(t)]
  const ticket = await cluster.ticket()
  await one.join({ ticket })
  await t.throwsAsync(two.join({ ticket, nodeName: 'board-2' }), { message: /the token is used up \(by board-1\)/ })
})

test('a line that was used by this board is done; another one needs --force, and then gives a new key', async t => {
  const cluster = await startCluster(t)
  const { dataDirectory, join: joinBoard } = await board(t)
  const ticket = await cluster.ticket()
  await joinBoard({ ticket })
  const first = (await loadIdentity({ dataDirectory, ...parts }))?.privateKeyPem()
  t.is(await joinBoard({ ticket }), 'already')
  const bound = await cluster.ticket({ nodeName: 'board-1' })
  const error = await t.throwsAsync(joinBoard({ ticket: bound }), { instanceOf: CodedError })
  t.is(error.code, 'AlreadyExists')
  t.regex(error.message, /this board is node board-1 of cluster home already. With --force/)
  t.is(await joinBoard({ ticket: bound, force: true }), 'joined')
  t.not((await loadIdentity({ dataDirectory, ...parts }))?.privateKeyPem(), first)
})

test('an identity that a card has damaged is refused with the way out, and --force takes its place', async t => {
  const cluster = await startCluster(t)
  const { dataDirectory, join: joinBoard } = await board(t)
  await joinBoard({ ticket: await cluster.ticket() })
  const path = join(dataDirectory, 'identity/identity.json')
  await writeFile(path, (await readFile(path, 'utf8')).slice(0, 300))
  await t.throwsAsync(loadIdentity({ dataDirectory, ...parts }), {
    message: /cannot use the identity.*flotilla join --force/,
  })
  t.is(await joinBoard({ ticket: await cluster.ticket({ nodeName: 'board-1' }), force: true }), 'joined')
})
