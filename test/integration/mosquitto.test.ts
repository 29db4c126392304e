/** Mosquitto instead of the built-in broker: the same master, agent and CLI, on one board of a throw-away kind. */
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import test from 'ava'
import { tryRun } from '../../cli/lab/run.ts'
import { boardImage, canStartBoard, startBoard, type TestBoard } from '../support/board.ts'
import { waitFor } from '../support/fleet.ts'

const program = resolve(import.meta.dirname, '../../dist/flotilla')
const port = 18830

test('master, agent and CLI meet at Mosquitto, and again after each of them was killed', async t => {
  t.timeout(120_000)
  if (!canStartBoard(t)) return
  const board = await startBoard('mosquitto')
  try {
    await startParts(board)
    const manifest = join(board.directory, 'pod.json')
    await writeFile(manifest, JSON.stringify(podNamed('one')))
    await waitFor('a Ready node', async () => (await flotilla(board, 'get', 'nodes')).stdout.includes(' Ready '))
    t.is((await flotilla(board, 'apply', '-f', manifest)).status, 0)
    await waitFor('a running pod', async () => (await flotilla(board, 'get', 'pods')).stdout.includes('Running'))
    const containers = await listContainers(board)

    for (const part of ['master', 'agent', 'broker'] as const) await restart(board, part)
    await writeFile(manifest, JSON.stringify(podNamed('two')))
    await waitFor('the second pod', async () => {
      await flotilla(board, 'apply', '-f', manifest)
      const { stdout } = await flotilla(board, 'get', 'pods', '--no-headers')
      return /two +1\/1 +Running/.test(stdout)
    })
    const now = await listContainers(board)
    for (const id of containers) t.true(now.includes(id), 'no container was made anew')
    t.is((await flotilla(board, 'delete', 'pod', '--all')).status, 0)
    await waitFor('no container', async () => (await listContainers(board)).length === 0)
  } finally {
    await board.stop()
  }
})

async function listContainers(board: TestBoard): Promise<string[]> {
  const { stdout } = await board.run(['ctr', '--address', board.socketPath, '-n', 'k8s.io', 'containers', 'ls', '-q'])
  return stdout.split('\n').filter(Boolean)
}

type Part = 'broker' | 'master' | 'agent'

async function startParts(board: TestBoard): Promise<void> {
  const config = `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_packet_size 5000000\n`
  await writeFile(join(board.directory, 'mosquitto.conf'), config)
  for (const part of ['broker', 'master', 'agent'] as const) start(board, part)
}

function start(board: TestBoard, part: Part): void {
  const { directory, socketPath, cgroupParent } = board
  const url = `mqtt://127.0.0.1:${port}`
  const common = `--cluster test --data ${directory}/${part}`
  const runtime = `--containerd ${socketPath} --cni-conf ${directory}/cni --cgroup-parent ${cgroupParent}`
  const commands: Record<Part, string> = {
    broker: `mosquitto -c ${directory}/mosquitto.conf`,
    master: `${program} master --broker ${url} ${common}`,
    agent: `${program} agent --master ${url} --name only ${common} ${runtime}`,
  }
  board.spawn(['sh', '-c', `echo $$ >${directory}/${part}.pid; exec ${commands[part]} >>${directory}/${part}.log 2>&1`])
}

async function restart(board: TestBoard, part: Part): Promise<void> {
  await board.run(['sh', '-c', `kill -9 $(cat ${board.directory}/${part}.pid)`])
  start(board, part)
  await waitFor(`the fleet after ${part} was killed`, async () => {
    const { stdout, status } = await flotilla(board, 'get', 'nodes', '--no-headers')
    return status === 0 && / Ready /.test(stdout)
  })
}

function flotilla(board: TestBoard, ...words: string[]): ReturnType<typeof tryRun> {
  const config = join(board.directory, 'config.json')
  const enter = ['nsenter', `--target=${board.initPid}`, '--net', '--']
  const context = { name: 'test', cluster: 'test', server: `mqtt://127.0.0.1:${port}`, namespace: 'default' }
  const write = writeFile(config, JSON.stringify({ 'current-context': 'test', contexts: [context] }))
  return write.then(() =>
    tryRun([...enter, program, ...words], { env: { FLOTILLA_CONFIG: config }, timeoutMs: 30_000 }),
  )
}

function podNamed(name: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 2,
      containers: [{ name: 'main', image: boardImage, imagePullPolicy: 'IfNotPresent' }],
    },
  }
}
