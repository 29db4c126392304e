import test from 'ava'
import { CodedError } from '../../../kit/errors.ts'
import { eventually } from '../../kit/eventually.ts'
import { readAll, setScene, target } from './harness.ts'

const exec = (command: string, options: object = {}): object => ({
  ...{ verb: 'exec', pod: target, container: 'main' },
  options: { command: ['sh', '-c', command], ...options },
})
const logs = (options: object = {}): object => ({ verb: 'logs', pod: target, container: 'main', options })

for (const [title, body] of [
  ['a text', 'logs'],
  ['a list', []],
  ['no verb', {}],
  ['a verb that a node does not have', { verb: 'reboot' }],
  ['a verb of every JavaScript object', { verb: 'constructor' }],
  ['no pod', { ...logs(), pod: undefined }],
  ['a pod without uid', { ...logs(), pod: { namespace: 'default', name: 'web' } }],
  ['no container', { ...logs(), container: undefined }],
  ['no options', { ...logs(), options: undefined }],
  ['lines that are a text', logs({ tailLines: '10' })],
  ['lines below zero', logs({ tailLines: -1 })],
  ['half a line', logs({ tailLines: 0.5 })],
  ['seconds that are a list', logs({ sinceSeconds: [1] })],
  ['a maybe', logs({ follow: 'yes' })],
  ['no command', { ...logs(), verb: 'exec' }],
  ['an empty command', exec('', { command: [] })],
  ['a command of numbers', exec('', { command: [1] })],
  ['a command that is a text', exec('', { command: 'ls' })],
  ['a terminal without rows', exec('ls', { tty: true, size: { columns: 80 } })],
  ['a terminal of giants', exec('ls', { tty: true, size: { columns: 80, rows: 1e9 } })],
] as Array<[string, unknown]>) {
  test(`a request with ${title} is refused, and nothing is done`, async t => {
    const { ask, start, runtime } = await setScene(t)
    await start()
    const error = await t.throwsAsync(ask(body, 's'), { instanceOf: CodedError })
    t.is(error?.code, 'BadRequest')
    t.is(runtime.started, 0)
  })
}

test('what is no request at all is counted and dropped', async t => {
  const { client, bad, ask } = await setScene(t)
  for (const garbage of ['{', 'null', '{"id":"x","stream":"../wish","timeoutMs":1}']) {
    await client.publish('flotilla/v1/home/nodes/board-1/requests', garbage)
  }
  t.deepEqual(await ask({ verb: 'report' }), {})
  t.deepEqual(bad.counts(), { request: 3 })
})

test('a report that is asked for is wanted', async t => {
  const { ask, counts } = await setScene(t)
  t.deepEqual(await ask({ verb: 'report' }), {})
  t.is(counts.reportsWanted, 1)
})

for (const [title, body] of [
  ['a pod that is elsewhere', { ...logs(), pod: { ...target, uid: 'uid-other' } }],
  ['a namesake that came later', { ...exec('ls'), pod: { ...target, uid: 'uid-younger' } }],
  ['a container that the pod does not have', { ...logs(), container: 'side' }],
  ['an attempt before the first', logs({ previous: true })],
] as Array<[string, object]>) {
  test(`${title} is not found`, async t => {
    const { open, start } = await setScene(t)
    await start()
    const error = await t.throwsAsync(open(body), { instanceOf: CodedError })
    t.is(error?.code, 'NotFound')
  })
}

test('nothing is started for a request without a stream', async t => {
  const { ask, start, runtime } = await setScene(t)
  await start()
  const error = await t.throwsAsync(ask(exec('cat')), { instanceOf: CodedError })
  t.is(error?.code, 'BadRequest')
  t.is(runtime.started, 0)
})

test('a container that has ended runs no command', async t => {
  const { open, start, runtime } = await setScene(t)
  runtime.exit(await start(), 1)
  const error = await t.throwsAsync(open(exec('ls')), { instanceOf: CodedError })
  t.is(error?.code, 'BadRequest')
})

test('so many streams are open at once and no more; one that ends makes room; refusals take none', async t => {
  const { open, start, runtime } = await setScene(t)
  await start()
  for (let refusals = 0; refusals < 40; refusals++) await t.throwsAsync(open(logs({ previous: true })))
  const all = await Promise.allSettled(Array.from({ length: 40 }, () => open(exec('cat', { stdin: true }))))
  const streams = all.filter(one => one.status === 'fulfilled').map(({ value }) => value)
  const refused = all.filter(one => one.status === 'rejected').map(({ reason }) => reason.code)
  t.is(streams.length, 32)
  t.deepEqual([...new Set(refused)], ['TooManyRequests'])
  t.is(runtime.started, 32, 'no process runs for those that were refused')
  await streams[0]?.end()
  await eventually('room for one more', () =>
    open(exec('cat', { stdin: true })).then(
      () => true,
      () => false,
    ),
  )
})

test('a command gets its input and gives its output and its exit code', async t => {
  const { open, start, runtime } = await setScene(t)
  await start()
  const stream = await open(exec('cat; exit 3', { stdin: true }))
  const reading = readAll(stream)
  await stream.sendBytes('stdin', Buffer.from('hello '))
  await stream.sendBytes('stdin', Buffer.from('world'))
  await stream.send({ c: 'stdin', eof: true })
  t.deepEqual(await reading, { stdout: 'hello world', stderr: '', frames: [{ exit: 3 }] })
  t.is(await stream.closed, undefined)
  await eventually('the session is closed', () => runtime.closed === 1)
})

test('more than a window of bytes passes both ways, none lost', async t => {
  const { open, start } = await setScene(t)
  await start()
  const stream = await open(exec('cat', { stdin: true }))
  const reading = readAll(stream)
  const data = Buffer.alloc(1_000_000, 'abcdefghijklm')
  await stream.sendBytes('stdin', data)
  await stream.send({ c: 'stdin', eof: true })
  const { stdout, frames } = await reading
  t.true(stdout === data.toString())
  t.deepEqual(frames, [{ exit: 0 }])
})

test('a terminal has the size that it is opened with, and then each new one', async t => {
  const { open, start, runtime } = await setScene(t)
  await start()
  const stream = await open(exec('cat', { stdin: true, tty: true, size: { columns: 80, rows: 24 } }))
  await stream.send({ resize: { columns: 120, rows: 40 } })
  await eventually('both sizes', () => runtime.sizes.length === 2)
  t.deepEqual(runtime.sizes, [
    [80, 24],
    [120, 40],
  ])
})

for (const [title, frame] of [
  ['a text', 'ls'],
  ['nothing', null],
  ['a size of words', { resize: { columns: 'wide', rows: 'high' } }],
  ['something else', { shutdown: true }],
] as Array<[string, unknown]>) {
  test(`a frame of ${title} ends the session with an error, and its process`, async t => {
    const { open, start, runtime } = await setScene(t)
    await start()
    const stream = await open(exec('cat', { stdin: true }))
    await stream.send(frame)
    t.is((await stream.closed)?.code, 'BadRequest')
    await eventually('the process is ended', () => runtime.closed === 1)
  })
}

test('a client that goes away takes its process with it', async t => {
  const { open, start, runtime } = await setScene(t)
  await start()
  const stream = await open(exec('cat', { stdin: true }))
  await stream.end()
  await eventually('the process is ended', () => runtime.closed === 1)
})

test('an agent that ends says so to those who listen', async t => {
  const { open, start, stop, runtime } = await setScene(t)
  await start()
  const streams = [await open(exec('cat', { stdin: true })), await open(exec('cat', { stdin: true }))]
  await stop()
  for (const stream of streams) t.is((await stream.closed)?.code, 'ServiceUnavailable')
  await eventually('no process is left', () => runtime.closed === 2)
})
