import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import type { ExecSession } from '../../../agent/runtime/runtime.ts'
import { CodedError } from '../../../kit/errors.ts'
import { eventually } from '../../kit/eventually.ts'
import { type BoardHarness, cgroupTrees, connectTo, useBoard } from './harness.ts'
import { observe, runPod, waitForExit } from './runtime-contract.ts'

// Each test takes containerd down, which is no time for another test: hence serial.
const start = useBoard(test, 'restarts')

test.serial('pods outlive containerd, and are found again under the same ids', async t => {
  const harness = await start(t)
  if (!harness) return
  const { board, runtime } = harness
  const { ids } = await runPod(harness, 'outlives', { web: 'sleep 1000', side: 'sleep 1000' })
  const before = await runtime.listPods()
  await board.killContainerd()
  const error = await t.throwsAsync(runtime.listPods(), { instanceOf: CodedError })
  t.is(error?.code, 'ServiceUnavailable')
  await board.startContainerd()
  await eventually('an answer', () => runtime.ready().then(({ ready }) => ready, isAway))
  t.deepEqual(await runtime.listPods(), before)
  await runtime.stopContainer(ids['web']!, 0)
  t.is((await observe(runtime, ids['web']!))?.state, 'exited')
})

test.serial('an exit while containerd is away is announced when it is back', async t => {
  const harness = await start(t)
  if (!harness) return
  const { board, runtime } = harness
  let announced = 0
  const stop = runtime.watchExits(() => announced++)
  const gate = join(board.directory, 'gate')
  const { id } = await runGated(harness, gate)
  await board.killContainerd()
  await mkdir(gate)
  const seenBefore = announced
  await board.startContainerd()
  await waitUntilBack(harness)
  await waitForExit(runtime, id)
  await eventually('the announcement', () => announced > seenBefore)
  // containerd 1.7 finds the shim gone, and says 255 for a code that nobody heard; 1.6 still asks the shim.
  const seen = await observe(runtime, id)
  t.is(seen?.state, 'exited')
  t.true(seen?.exitCode === 6 || seen?.exitCode === 255, `exit code ${seen?.exitCode}`)
  stop()
})

test.serial('an open session goes on through a restart of containerd', async t => {
  const harness = await start(t)
  if (!harness) return
  const { board, runtime } = harness
  const { ids } = await runPod(harness, 'session', { main: 'sleep 1000' })
  const command = ['sh', '-c', 'while read -r line; do echo "got $line"; done; exit 9']
  const session = await runtime.exec(ids['main']!, { command, stdin: true, tty: false })
  const read = collect(session)
  session.stdio.write('before\n')
  await eventually('the first line', () => read() === 'got before\n')
  await board.killContainerd()
  session.stdio.write('meanwhile\n')
  await eventually('the second line', () => read().endsWith('got meanwhile\n'))
  await board.startContainerd()
  await waitUntilBack(harness)
  session.stdio.end('after\n')
  t.is(await session.exit, 9)
  t.is(read(), 'got before\ngot meanwhile\ngot after\n')
})

test.serial('closing a session ends its process, a terminal or not', async t => {
  const harness = await start(t)
  if (!harness) return
  const { board, runtime } = harness
  const { ids } = await runPod(harness, 'closes', { main: 'sleep 1000' })
  const deaf = await runtime.exec(ids['main']!, {
    ...{ command: ['sh', '-c', 'trap "" HUP TERM; echo up; sleep 2001'], stdin: true, tty: false },
  })
  const shell = await runtime.exec(ids['main']!, { command: ['sh'], stdin: true, tty: true })
  shell.stdio.write('sleep 2002\n')
  for (const [session, word] of [
    [deaf, 'up'],
    [shell, '2002'],
  ] as const) {
    const read = collect(session)
    await eventually(word, () => read().includes(word))
  }
  for (const session of [deaf, shell]) session.close()
  t.deepEqual([await shell.exit, await deaf.exit], [128 + 1, 128 + 9])
  await eventually('the end of the shell’s child', async () => !(await processes(harness)).includes('sleep 2002'))
  await eventually('no pipes', async () => (await readdir(join(board.directory, 'exec', 'home'))).length === 0)
})

test.serial('what an agent that died left running is ended by the next', async t => {
  const harness = await start(t)
  if (!harness) return
  const { board, runtime } = harness
  const { ids } = await runPod(harness, 'leftover', { main: 'sleep 1000' })
  const mine = await runtime.exec(ids['main']!, { command: ['sleep', '3001'], stdin: true, tty: false })
  // The process is there before it has become its program.
  await eventually('the session', async () => (await processes(harness)).includes('sleep 3001'))
  const next = connectTo(board)
  await next.listPods()
  t.is(await mine.exit, 128 + 9)
  await eventually('no process', async () => !(await processes(harness)).includes('sleep 3001'))
  await eventually('no pipes', async () => (await readdir(join(board.directory, 'exec', 'home'))).length === 0)
  await next.close()
})

test.serial('an agent can end while containerd is away, and the next ends what it left', async t => {
  const harness = await start(t)
  if (!harness) return
  const { board, runtime } = harness
  const { ids } = await runPod(harness, 'away', { main: 'sleep 1000' })
  const dying = connectTo(board)
  await dying.exec(ids['main']!, { command: ['sleep', '4001'], stdin: true, tty: false })
  await board.killContainerd()
  await dying.close()
  await board.startContainerd()
  await waitUntilBack(harness)
  t.true((await processes(harness)).includes('sleep 4001'))
  const next = connectTo(board)
  await next.listPods()
  await eventually('no process', async () => !(await processes(harness)).includes('sleep 4001'))
  await next.close()
  await runtime.listPods()
})

test.serial('a stopped board leaves nothing', async t => {
  const harness = await start(t)
  if (!harness) return
  const { board, runtime } = harness
  const holder = `/proc/${board.initPid}`
  t.true(existsSync(holder))
  await runtime.close()
  await board.stop()
  t.false(existsSync(holder))
  t.false(existsSync(board.directory))
  t.deepEqual(cgroupTrees(board.cgroupParent), [])
})

/** A container that exits with 6 as soon as there is a `gate` on the board. */
async function runGated(harness: BoardHarness, gate: string): Promise<{ id: string }> {
  const { runtime, image, sandbox } = harness
  const config = sandbox('gated')
  const sandboxId = await runtime.runSandbox(config)
  const id = await runtime.createContainer(
    sandboxId,
    {
      ...{
        name: 'main',
        attempt: 0,
        image,
        command: ['sh', '-c', 'until [ -e /board/gate ]; do sleep 0.05; done; exit 6'],
      },
      ...{ args: [], env: [], labels: {}, annotations: {}, resources: {}, logPath: 'main/0.log' },
      ...{ stdin: false, stdinOnce: false, tty: false },
      mounts: [{ hostPath: join(gate, '..'), containerPath: '/board', readOnly: true }],
    },
    config,
  )
  await runtime.startContainer(id)
  return { id }
}

function waitUntilBack({ runtime }: BoardHarness): Promise<unknown> {
  return eventually('containerd', () => runtime.ready().then(({ ready }) => ready, isAway))
}

function isAway(): boolean {
  return false
}

function collect(session: ExecSession): () => string {
  const chunks: Buffer[] = []
  session.stdio.on('data', chunk => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}

async function processes({ board }: BoardHarness): Promise<string> {
  return (await board.run(['ps', '-eo', 'args'])).stdout
}
