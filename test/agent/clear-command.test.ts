import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { clearBoard } from '../../agent/clear-command.ts'
import { createCommandRunner } from '../../agent/network/command.ts'
import { connectContainerd } from '../../agent/runtime/containerd-runtime.ts'
import { systemClock } from '../../kit/clock.ts'
import { silentLog } from '../../kit/log.ts'
import { cgroupTrees, connectTo, useBoard } from './runtime/harness.ts'
import { runPod } from './runtime/runtime-contract.ts'

const boardOf = useBoard(test, 'clear')

test.serial('a board is emptied of our pods, rules, routes and addresses, and of nothing else', async t => {
  const harness = await boardOf(t)
  if (!harness) return
  const { board, runtime } = harness
  const prefix = ['nsenter', '--target', String(board.initPid), '--net', '--']
  const run = createCommandRunner({ clock: systemClock, prefix })
  // Of two clusters, and one that somebody else has made.
  await runPod(harness, 'web', { main: 'sleep 1000', side: 'exit 0' })
  const other = connectTo(board, { cluster: 'other' })
  t.teardown(() => other.close())
  await runPod({ ...harness, runtime: other }, 'db', { main: 'sleep 1000' })
  const ctr = ['ctr', '--address', board.socketPath, '--namespace', 'k8s.io']
  await board.run([...ctr, 'containers', 'create', harness.image, 'theirs'])
  await run(['nft', 'add table ip flotilla; add table ip somebody'])
  await run(['ip', 'route', 'add', '10.244.7.0/24', 'dev', 'lo', 'proto', '120'])
  await run(['ip', 'route', 'add', '10.99.0.0/24', 'dev', 'lo'])
  const cniData = join(board.directory, 'cni-data')
  await mkdir(join(cniData, 'networks/flotilla'), { recursive: true })
  await mkdir(join(cniData, 'networks/mine'))

  // Of any cluster: an agent that was is not asked whose it was.
  const ours = connectContainerd({
    socketPath: board.socketPath,
    clock: systemClock,
    log: silentLog,
    execDirectory: join(board.directory, 'exec'),
  })
  const parts = { runtime: ours, run, cgroupParent: board.cgroupParent, log: silentLog, graceSeconds: 1, cniData }
  t.teardown(() => ours.close())
  t.is(await clearBoard(parts), 2)

  t.deepEqual(await runtime.listPods(), [])
  t.is((await board.run([...ctr, 'containers', 'list', '-q'])).stdout, 'theirs\n')
  t.deepEqual(cgroupTrees(board.cgroupParent), [])
  t.is(await run(['nft', 'list', 'tables']), 'table ip somebody\n')
  t.regex(await run(['ip', 'route']), /^10\.99\.0\.0\/24/m)
  t.notRegex(await run(['ip', 'route']), /10\.244\.7/)
  t.false(existsSync(join(cniData, 'networks/flotilla')))
  t.true(existsSync(join(cniData, 'networks/mine')))

  t.is(await clearBoard(parts), 0, 'once more, and there is nothing to do')
})

test.serial('what fails keeps nothing else back, and is told', async t => {
  const harness = await boardOf(t)
  if (!harness) return
  const { board, runtime } = harness
  await runPod(harness, 'last', { main: 'sleep 1000' })
  const run = async (argv: string[]): Promise<string> => {
    if (argv[0] === 'nft') throw new Error('no nft here')
    return ''
  }
  const parts = {
    runtime,
    run,
    cgroupParent: board.cgroupParent,
    log: silentLog,
    graceSeconds: 1,
    cniData: board.directory,
  }
  await t.throwsAsync(clearBoard(parts), { message: 'no nft here' })
  t.deepEqual(await runtime.listPods(), [])
})
