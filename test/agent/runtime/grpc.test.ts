import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { GrpcClient, type Method } from '../../../agent/runtime/grpc.ts'
import { FrameReader, frameMessage, maxMessageBytes } from '../../../agent/runtime/grpc-frames.ts'
import { encode, one } from '../../../agent/runtime/protobuf.ts'
import { systemClock } from '../../../kit/clock.ts'
import { CodedError, type ErrorCode } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'

const word = { text: one(1, 'string') }
const say: Method<typeof word, typeof word> = { path: '/test.Words/Say', request: word, response: word }
const soon = { deadlineMs: 10_000 }

const openSessions = new WeakMap<Http2Server, ServerHttp2Session[]>()

type Serve = (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void

test('a call carries its message, deadline and metadata, and gives the answer', async t => {
  const seen: Array<Record<string, unknown>> = []
  const { client } = await connect(t, (stream, headers) => {
    seen.push(headers)
    answer(stream, ['hello'])
  })
  t.deepEqual(await client.call(say, { text: 'hi' }, { deadlineMs: 1500 }), { text: 'hello' })
  const expected = { ':path': '/test.Words/Say', te: 'trailers', 'grpc-timeout': '1500m', 'x-namespace': 'k8s.io' }
  t.like(seen[0], { ...expected, 'content-type': 'application/grpc' })
})

const statuses: Array<[number, ErrorCode]> = [
  [3, 'BadRequest'],
  [4, 'Timeout'],
  [5, 'NotFound'],
  [6, 'AlreadyExists'],
  [7, 'Forbidden'],
  [9, 'Conflict'],
  [14, 'ServiceUnavailable'],
  [16, 'Unauthorized'],
  [2, 'InternalError'],
]

for (const [status, code] of statuses) {
  test(`status ${status} is ${code}, with what the server said`, async t => {
    const { client } = await connect(t, stream => {
      stream.respond(
        { ':status': 200, 'grpc-status': status, 'grpc-message': 'image %22x%22 not here' },
        { endStream: true },
      )
    })
    const error = await t.throwsAsync(client.call(say, {}, soon), { instanceOf: CodedError })
    t.is(error?.code, code)
    t.is(error?.message, 'cannot call /test.Words/Say: because image "x" not here')
  })
}

test('a call that gets no answer ends at its deadline', async t => {
  const clock = new FakeClock()
  const { client } = await connect(t, () => undefined, clock)
  const calling = client.call(say, {}, { deadlineMs: 2_000 })
  let ended = false
  calling.catch(() => {
    ended = true
  })
  await clock.advance(1_999)
  t.false(ended)
  await clock.advance(1)
  t.is((await t.throwsAsync(calling, { instanceOf: CodedError }))?.code, 'Timeout')
})

test('an aborted call is cancelled at the server too', async t => {
  const closed = Promise.withResolvers<number>()
  const reached = Promise.withResolvers<void>()
  const { client } = await connect(t, stream => {
    stream.on('close', () => closed.resolve(stream.rstCode))
    reached.resolve()
  })
  const stop = new AbortController()
  const calling = client.call(say, {}, { ...soon, signal: stop.signal })
  await reached.promise
  stop.abort(new Error('enough'))
  await t.throwsAsync(calling, { message: 'enough' })
  t.is(await closed.promise, 8) // CANCEL
})

test('a server that went away is unavailable, and used again when it is back', async t => {
  const { client, restart, server } = await connect(t, stream => answer(stream, ['one']))
  t.deepEqual(await client.call(say, {}, soon), { text: 'one' })
  await close(server)
  t.is((await t.throwsAsync(client.call(say, {}, soon), { instanceOf: CodedError }))?.code, 'ServiceUnavailable')
  await restart(stream => answer(stream, ['two']))
  t.deepEqual(await client.call(say, {}, soon), { text: 'two' })
})

test('a stream gives its messages as they come, however they are cut', async t => {
  const { client } = await connect(t, stream => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': 0 }))
    const bytes = Buffer.concat(['a', 'bb', ''].map(text => frameMessage(encode(word, { text }))))
    for (const byte of bytes) stream.write(Buffer.from([byte]))
    stream.end()
  })
  const words: string[] = []
  const { signal } = new AbortController()
  await client.stream(say, {}, { signal, onMessage: ({ text }) => words.push(text) })
  t.deepEqual(words, ['a', 'bb', ''])
})

test('an answer that ends without a status is a broken connection', async t => {
  const { client } = await connect(t, stream => {
    stream.respond({ ':status': 200 })
    stream.end(frameMessage(encode(word, { text: 'half' })))
  })
  t.is((await t.throwsAsync(client.call(say, {}, soon), { instanceOf: CodedError }))?.code, 'ServiceUnavailable')
})

test('a message that claims to be huge is refused before it is stored', t => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(maxMessageBytes + 1, 1)
  const reader = new FrameReader(() => t.fail('there is no message'))
  t.throws(() => reader.push(head), { code: 'RequestEntityTooLarge' })
})

interface Connected {
  client: GrpcClient
  server: Http2Server
  restart: (serve: Serve) => Promise<void>
}

async function connect(t: ExecutionContext, serve: Serve, clock = systemClock): Promise<Connected> {
  const directory = await mkdtemp(join(tmpdir(), 'grpc-'))
  const socketPath = join(directory, 's')
  const servers: Http2Server[] = []
  const listen = async (serving: Serve): Promise<void> => {
    const server = createServer()
    server.on('stream', (stream, headers) => {
      stream.on('error', () => undefined) // a cancelled call is not this server's failure
      serving(stream, headers)
    })
    server.on('session', session => openSessions.set(server, [...(openSessions.get(server) ?? []), session]))
    servers.push(server)
    await new Promise<void>(resolve => server.listen(socketPath, resolve))
  }
  await listen(serve)
  const client = new GrpcClient({ socketPath, clock, metadata: { 'x-namespace': 'k8s.io' } })
  t.teardown(async () => {
    client.close()
    for (const server of servers) await close(server)
    await rm(directory, { recursive: true })
  })
  return { client, server: servers[0]!, restart: listen }
}

function answer(stream: ServerHttp2Stream, words: string[]): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': 0 }))
  stream.end(Buffer.concat(words.map(text => frameMessage(encode(word, { text })))))
}

function close(server: Http2Server): Promise<void> {
  return new Promise(resolve => {
    if (!server.listening) return resolve()
    server.close(() => resolve())
    for (const session of openSessions.get(server) ?? []) session.destroy()
  })
}
