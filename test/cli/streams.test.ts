import test from 'ava'
import type { NodeRequest } from '../../contract/wire/node-request.ts'
import { readBytesFrame } from '../../kit/bus/stream.ts'
import { createFleet } from './harness.ts'

test('logs come as the container wrote them', async t => {
  const { run, runningPod, serveNode } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  const heard: NodeRequest[] = []
  await serveNode('board-1', async (request, stream) => {
    heard.push(request)
    await stream.sendBytes('stdout', Buffer.from('one\nzwei ü'))
  })
  const ran = await run('logs', 'web-1', '--tail', '5', '--since', '90s', '--timestamps')
  t.deepEqual(ran, { status: 0, stdout: 'one\nzwei ü', stderr: '' })
  t.like(heard[0], { verb: 'logs', container: 'web', options: { tailLines: 5, sinceSeconds: 90, timestamps: true } })
})

test('a long log comes whole', async t => {
  const { run, runningPod, serveNode } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  const line = `${'x'.repeat(999)}\n`
  await serveNode('board-1', async (_request, stream) => stream.sendBytes('stdout', Buffer.from(line.repeat(3000))))
  t.is((await run('logs', 'web-1')).stdout.length, 3_000_000)
})

test('logs of all pods of an app can be told apart', async t => {
  const { run, runningPod, serveNode } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  await runningPod('web-2', 'board-1')
  await runningPod('db-1', 'board-1', { app: 'db' })
  await serveNode('board-1', async (request, stream) => {
    if (request.verb === 'logs') await stream.sendBytes('stdout', Buffer.from(`I am ${request.pod.name}\n`))
  })
  const { stdout } = await run('logs', '-l', 'app=web', '--prefix')
  t.is(stdout, '[pod/web-1/web] I am web-1\n[pod/web-2/web] I am web-2\n')
})

test('logs -f go on until nobody reads them any more', async t => {
  const { start, runningPod, serveNode } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  const ended = Promise.withResolvers<void>()
  await serveNode('board-1', async (_request, stream) => {
    await stream.sendBytes('stdout', Buffer.from('first\n'))
    await stream.closed
    ended.resolve()
  })
  const running = start('logs', '-f', 'web-1')
  await running.shows('first')
  running.hangUp()
  t.is((await running.done).status, 0)
  await t.notThrowsAsync(ended.promise, 'the node learns of it')
})

test('an error of the node is told', async t => {
  const { run, runningPod, serveNode } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  await serveNode('board-1', () => Promise.reject(new Error('the log was rotated away')))
  const ran = await run('logs', 'web-1')
  t.is(ran.status, 1)
  t.regex(ran.stderr, /rotated away/)
})

test('a node that does not answer is told from a master that does not', async t => {
  const { run, broker, runningPod } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  broker.connect('board-1')
  const ran = await run('logs', 'web-1')
  t.is(ran.status, 1)
  t.regex(ran.stderr, /^error: cannot reach node board-1: because it did not answer in 9\.0 s: .*get nodes/)
})

test('exec ends with the status of the command, and keeps its outputs apart', async t => {
  const { run, runningPod, serveNode } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  const heard: NodeRequest[] = []
  await serveNode('board-1', async (request, stream) => {
    heard.push(request)
    await stream.sendBytes('stdout', Buffer.from('out'))
    await stream.sendBytes('stderr', Buffer.from('err'))
    await stream.send({ exit: 7 })
  })
  t.deepEqual(await run('exec', 'web-1', '--', 'sh', '-c', 'exit 7'), { status: 7, stdout: 'out', stderr: 'err' })
  t.like(heard[0], { verb: 'exec', options: { command: ['sh', '-c', 'exit 7'], stdin: false, tty: false } })
})

test('exec -i passes on what it reads, and its end', async t => {
  const { start, runningPod, serveNode } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  await serveNode('board-1', async (_request, stream) => {
    for await (const frame of stream.frames) {
      const bytes = readBytesFrame(frame)
      if (bytes) await stream.sendBytes('stdout', bytes.data)
      if ((frame as { eof?: boolean }).eof) return stream.send({ exit: 0 })
    }
  })
  const running = start('exec', '-i', 'web-1', '--', 'cat')
  const text = 'hello\n'.repeat(50_000)
  running.terminal.stdin.end(text)
  const ran = await running.done
  t.is(ran.status, 0)
  t.true(ran.stdout === text, `${ran.stdout.length} of ${text.length} bytes`)
})

test('exec -it is a terminal: raw, with its size, and given back afterwards', async t => {
  const { start, runningPod, serveNode } = await createFleet(t, { size: { columns: 100, rows: 40 } })
  await runningPod('web-1', 'board-1')
  const heard: unknown[] = []
  await serveNode('board-1', async (request, stream) => {
    heard.push(request)
    await stream.sendBytes('stdout', Buffer.from('$ '))
    for await (const frame of stream.frames) {
      heard.push(readBytesFrame(frame)?.data.toString() ?? frame)
      if (heard.length === 3) return stream.send({ exit: 130 })
    }
  })
  const running = start('exec', '-it', 'web-1', '--', 'sh')
  await running.shows('$ ')
  running.terminal.resize({ columns: 80, rows: 24 })
  running.terminal.stdin.write('\u0003')
  t.is((await running.done).status, 130)
  t.like(heard[0], { options: { tty: true, stdin: true, size: { columns: 100, rows: 40 } } })
  t.deepEqual(heard.slice(1), [{ resize: { columns: 80, rows: 24 } }, '\u0003'])
  t.deepEqual(running.terminal.raw, [true, false])
})

test('exec without -- says how to write it', async t => {
  const { run, runningPod } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  const ran = await run('exec', 'web-1', 'ls')
  t.is(ran.status, 2)
  t.regex(ran.stderr, /flotilla exec web-1 -- ls/)
  const withOptions = await run('exec', 'web-1', 'ls', '-la')
  t.is(withOptions.status, 2)
  t.regex(withOptions.stderr, /flotilla exec web-1 -- ls -la/)
})

test('an option that exec does not have is named', async t => {
  const { run } = await createFleet(t)
  for (const line of [['--bogus', 'web-1', '--', 'ls'], ['web-1', '--bogus', '--', 'ls'], ['--bogus']]) {
    const ran = await run('exec', ...line)
    t.is(ran.status, 2)
    t.is(ran.stderr, "error: unknown option '--bogus'\n")
  }
})

test('exec of a container that is not there names those that are', async t => {
  const { run, runningPod } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  const ran = await run('exec', 'web-1', '-c', 'wbe', '--', 'ls')
  t.is(ran.status, 1)
  t.regex(ran.stderr, /choose one of: \[web\]/)
})

test('a stream that breaks before the process ended is an error', async t => {
  const { run, runningPod, serveNode } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  await serveNode('board-1', async () => undefined)
  const ran = await run('exec', 'web-1', '--', 'sleep', '1')
  t.is(ran.status, 1)
  t.regex(ran.stderr, /exit status/)
})
