import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import test from 'ava'
import { readLogs } from '../../../agent/runtime/logs.ts'
import type { SandboxConfig } from '../../../agent/runtime/runtime.ts'
import { sleep, systemClock } from '../../../kit/clock.ts'
import { CodedError } from '../../../kit/errors.ts'
import { eventually } from '../../kit/eventually.ts'
import { cgroupTrees, connectTo, startScript, useBoard } from './harness.ts'
import { containerOf, observe, runPod, testRuntimeContract, waitForExit } from './runtime-contract.ts'

const start = useBoard(test, 'runtime')

testRuntimeContract(start)

test('it says who it is, and that it and its network are ready', async t => {
  const harness = await start(t)
  if (!harness) return
  t.like(await harness.runtime.version(), { name: 'containerd' })
  t.deepEqual(await harness.runtime.ready(), { ready: true, message: '' })
})

test('a container has its own processes, its hostname, and the limits it was given', async t => {
  const harness = await start(t)
  if (!harness) return
  const { runtime, image, sandbox } = harness
  const config = sandbox('limits')
  const sandboxId = await runtime.runSandbox(config)
  const script = 'echo $$; hostname; echo $GREETING; sleep 1000'
  const id = await runtime.createContainer(
    sandboxId,
    {
      ...containerOf(image, 'main', script),
      env: [{ name: 'GREETING', value: 'hello world' }],
      resources: { memoryLimitBytes: 32 * 1024 * 1024, cpuShares: 128 },
    },
    config,
  )
  await runtime.startContainer(id)
  const { logPath } = (await observe(runtime, id))!
  await eventually('the log', async () => (await textOf(logPath)) === '1\nlimits\nhello world\n')
  const limitFile = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup']
    .flatMap(root => ['memory.limit_in_bytes', 'memory.max'].map(name => `${root}${config.cgroupParent}/${id}/${name}`))
    .find(existsSync)
  t.is((await harness.board.run(['cat', limitFile!])).stdout.trim(), String(32 * 1024 * 1024))
})

test('a removed pod leaves no cgroup behind', async t => {
  const harness = await start(t)
  if (!harness) return
  const { sandboxId } = await runPod(harness, 'cgroups', { main: 'sleep 1000' })
  const { cgroupParent } = harness.sandbox('cgroups')
  t.true(cgroupTrees(cgroupParent).length > 0)
  await harness.runtime.stopSandbox(sandboxId)
  await harness.runtime.removeSandbox(sandboxId)
  for (const _ of [1, 2]) await harness.runtime.removePodCgroup(cgroupParent)
  t.deepEqual(cgroupTrees(cgroupParent), [])
})

test('a process that nobody knows of any more ends with its pod’s cgroup', async t => {
  const harness = await start(t)
  if (!harness) return
  const { sandboxId } = await runPod(harness, 'stray', { main: 'exit 0' })
  const { cgroupParent } = harness.sandbox('stray')
  await harness.runtime.stopSandbox(sandboxId)
  await harness.runtime.removeSandbox(sandboxId)
  // Not in every tree of version 1 a new group takes processes.
  const tree = cgroupTrees(cgroupParent).find(name => ['', 'pids', 'memory'].includes(name))
  const group = `/sys/fs/cgroup/${tree}/${cgroupParent}/stray`
  await mkdir(group)
  const stray = spawn('sleep', ['1000'])
  t.teardown(() => stray.kill('SIGKILL'))
  const ended = once(stray, 'exit')
  await writeFile(`${group}/cgroup.procs`, String(stray.pid))
  await harness.runtime.removePodCgroup(cgroupParent)
  t.deepEqual(await ended, [null, 'SIGKILL'])
  t.deepEqual(cgroupTrees(cgroupParent), [])
})

test('a pod’s next sandbox keeps the cgroup that both were in', async t => {
  const harness = await start(t)
  if (!harness) return
  const { runtime, sandbox } = harness
  const [first, next] = [await runtime.runSandbox(sandbox('again')), await runtime.runSandbox(again(sandbox('again')))]
  await runtime.stopSandbox(first)
  await runtime.removeSandbox(first)
  t.true(cgroupTrees(`${sandbox('again').cgroupParent}/${next}`).length > 0)
  t.true((await runtime.listPods()).some(pod => pod.sandboxId === next && pod.ready && pod.attempt === 1))
})

test('the pods of another cluster are not ours', async t => {
  const harness = await start(t)
  if (!harness) return
  const neighbour = connectTo(harness.board, { cluster: 'neighbour' })
  const { sandboxId } = await runPod({ ...harness, runtime: neighbour }, 'theirs', { main: 'sleep 1000' })
  t.true((await neighbour.listPods()).some(pod => pod.sandboxId === sandboxId))
  t.false((await harness.runtime.listPods()).some(pod => pod.sandboxId === sandboxId))
  await neighbour.close()
})

test('a container that takes more memory than it may is OOMKilled', async t => {
  const harness = await start(t)
  if (!harness) return
  const { runtime, image, sandbox } = harness
  const sandboxId = await runtime.runSandbox(sandbox('greedy'))
  const eat = 'x=0123456789abcdef; while :; do x=$x$x; done'
  const resources = { memoryLimitBytes: 16 * 1024 * 1024 }
  const reasons: Array<string | undefined> = []
  // The kernel's word and the end of the process race each other to containerd: now and then it hears of the end alone.
  for (let attempt = 0; attempt < 5 && !reasons.includes('OOMKilled'); attempt++) {
    const container = { ...containerOf(image, 'main', eat), attempt, resources }
    const id = await runtime.createContainer(sandboxId, container, sandbox('greedy'))
    await runtime.startContainer(id)
    await waitForExit(runtime, id)
    t.is((await observe(runtime, id))?.exitCode, 137)
    await sleep(systemClock, 300)
    reasons.push((await observe(runtime, id))?.reason)
  }
  t.is(reasons.at(-1), 'OOMKilled', `reasons: ${reasons.join(', ')}`)
})

test('a registry that refuses, and one that never answers, each have their code', async t => {
  const harness = await start(t)
  if (!harness) return
  const { board, runtime } = harness
  const refusing = `require('http').createServer((q, r) => r.writeHead(401).end()).listen(5001, '127.0.0.1', () => console.log('up'))`
  const silent = `require('net').createServer(() => undefined).listen(5002, '127.0.0.1', () => console.log('up'))`
  for (const script of [refusing, silent]) await startScript(board, ['--input-type=commonjs', '-e', script])
  const impatient = connectTo(board, { cluster: 'impatient', pullTimeoutMs: 300 })
  t.is(await codeOf(runtime.pullImage('127.0.0.1:5001/private:1')), 'Unauthorized')
  t.is(await codeOf(impatient.pullImage('127.0.0.1:5002/silent:1')), 'Timeout')
  t.is(await codeOf(runtime.pullImage('127.0.0.1:5003/nobody:1')), 'ServiceUnavailable')
  await impatient.close()
})

test('a pull that nobody waits for any more is given up', async t => {
  const harness = await start(t)
  if (!harness) return
  const silent = `require('net').createServer(() => undefined).listen(5004, '127.0.0.1', () => console.log('up'))`
  await startScript(harness.board, ['--input-type=commonjs', '-e', silent])
  const giveUp = new AbortController()
  const pulling = harness.runtime.pullImage('127.0.0.1:5004/silent:1', { signal: giveUp.signal })
  const reason = new Error('no longer wanted')
  giveUp.abort(reason)
  t.is(await t.throwsAsync(pulling), reason)
})

test('a session keeps both outputs apart, and a terminal joins them', async t => {
  const harness = await start(t)
  if (!harness) return
  const { ids } = await runPod(harness, 'outputs', { main: 'sleep 1000' })
  const command = ['sh', '-c', 'echo out; echo err >&2; tty']
  const plain = await harness.runtime.exec(ids['main']!, { command, stdin: false, tty: false })
  t.deepEqual([await text(plain.stdio), await text(plain.stderr)], ['out\nnot a tty\n', 'err\n'])
  const terminal = await harness.runtime.exec(ids['main']!, { command: ['sh'], stdin: true, tty: true })
  terminal.resize(77, 22)
  terminal.stdio.write('stty size; exit 5\n')
  t.regex(await text(terminal.stdio), /22 77\r\n/)
  t.is(await terminal.exit, 5)
})

test('large output waits for a slow reader and comes whole', async t => {
  const harness = await start(t)
  if (!harness) return
  const { ids } = await runPod(harness, 'floods', { main: 'sleep 1000' })
  const command = ['sh', '-c', 'head -c 3000000 /dev/zero']
  const session = await harness.runtime.exec(ids['main']!, { command, stdin: false, tty: false })
  let received = 0
  for await (const chunk of session.stdio) {
    received += (chunk as Buffer).length
    await new Promise(resolve => setImmediate(resolve))
  }
  t.is(received, 3_000_000)
  t.is(await session.exit, 0)
})

function again(sandbox: SandboxConfig): SandboxConfig {
  return { ...sandbox, attempt: sandbox.attempt + 1 }
}

async function textOf(logPath: string): Promise<string> {
  let content = ''
  for await (const { bytes } of readLogs(logPath)) content += Buffer.from(bytes).toString()
  return content
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    return error instanceof CodedError ? error.code : String(error)
  }
}
