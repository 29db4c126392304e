/** Ordinary manifests on a whole fleet: pulled through a mirror, reached from everywhere, changed, looked into, removed. */
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { spawn as spawnTerminal } from '@lydell/node-pty'
import test from 'ava'
import type { Pod } from '../../contract/resources/pod.ts'
import { canUseLab } from '../cli/lab/harness.ts'
import { Fleet, waitFor } from '../support/fleet.ts'
import { writeStandIn } from '../support/stand-ins.ts'

const boards = ['board-1', 'board-2', 'board-3']
const shop = resolve(import.meta.dirname, 'manifests/shop.yaml')
const registryScript = resolve(import.meta.dirname, '../support/registry.ts')
const program = resolve(import.meta.dirname, '../../dist/flotilla')
const mirror = '10.77.0.1:5000'
const fleet = new Fleet()

test.before(async t => {
  t.timeout(120_000)
  if (!(await canUseLab(t as never))) return
  await fleet.onLab('up', '--mirror', `http://${mirror}`)
  const front = await writeStandIn(fleet.lab.dir, 'front', 80)
  const newer = await writeStandIn(fleet.lab.dir, 'newer', 80)
  const cache = await writeStandIn(fleet.lab.dir, 'cache', 6379)
  const servings = [
    `${front}=registry.example/shop/front:1.0`,
    `${newer}=registry.example/shop/front:2.0`,
    `${cache}=docker.io/library/redis`,
  ]
  fleet.lab.spawn(
    'exec',
    'lan',
    '--',
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    registryScript,
    mirror,
    ...servings,
  )
  await waitFor('the registry', () =>
    fleet.sh('lan', `busybox wget -q -O - http://${mirror}/v2/ && echo up`).catch(() => undefined),
  )
})

test.after.always(async t => {
  await fleet.down()
  t.deepEqual(fleet.lab.traces(), [], 'nothing stays on the machine')
})

test.serial('a shop from public images runs, spread over the boards', async t => {
  const output = await fleet.run('apply', '-f', shop)
  t.regex(output, /deployment\.apps\/front created/)
  for (const name of ['cache', 'front']) await fleet.run('rollout', 'status', `deployment/${name}`, '--timeout', '60s')
  const pods = await fleet.pods('-l', 'tier=front')
  t.is(new Set(pods.map(({ spec }) => spec.nodeName)).size, 3)
  t.regex(await fleet.run('apply', '-f', shop), /deployment\.apps\/front unchanged/)
})

test.serial('its services answer from every board by ClusterIP, and from the LAN by NodePort', async t => {
  const addresses = JSON.parse(await fleet.run('get', 'services', '-o', 'json')).items as Array<{
    metadata: { name: string }
    spec: { clusterIP: string }
  }>
  const ipOf = (name: string): string => addresses.find(({ metadata }) => metadata.name === name)?.spec.clusterIP ?? ''
  for (const board of boards) {
    t.regex((await fleet.fetch(board, `http://${ipOf('front')}/`)) ?? '', /^front front-/)
    t.regex((await fleet.fetch(board, `http://${ipOf('cache')}:6379/`)) ?? '', /^cache cache-/)
  }
  for (const address of ['10.77.0.11', '10.77.0.12', '10.77.0.13']) {
    t.regex((await fleet.fetch('lan', `http://${address}:30080/`)) ?? '', /^front front-/)
  }
})

test.serial('containers get their environment from ConfigMaps, fields and services', async t => {
  const env = await fleet.run('exec', 'deployment/front', '--', 'env')
  t.regex(env, /^CURRENCY=EUR$/m)
  t.regex(env, /^SHOP_CURRENCY=EUR$/m)
  t.regex(env, /^POD_NAME=front-/m)
  t.regex(env, /^CACHE_SERVICE_HOST=10\.96\./m)
})

test.serial('exec keeps streams apart and passes on input and exit status', async t => {
  const ran = await fleet.try('exec', 'deployment/front', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7')
  t.deepEqual([ran.stdout, ran.stderr, ran.status], ['out\n', 'err\n', 7])
  t.is((await fleet.try('exec', 'deployment/front', '--', 'no-such-program')).status !== 0, true)
})

test.serial('exec -it is a terminal: its size, its echo, Ctrl-C, and the exit status of the shell', async t => {
  const terminal = spawnTerminal(program, ['exec', '-it', 'deployment/front', '--', 'sh'], {
    cols: 93,
    rows: 31,
    env: { ...process.env, ...fleet.environment },
  })
  const screen = { text: '' }
  terminal.onData(data => {
    screen.text += data
  })
  const exit = new Promise<number>(done => terminal.onExit(({ exitCode }) => done(exitCode)))
  const shows = (words: RegExp): Promise<boolean> => waitFor(String(words), async () => words.test(screen.text))
  await shows(/# /)
  terminal.write('stty size; tty\r')
  await shows(/31 93\r\n/)
  terminal.resize(70, 20)
  await waitFor('the new size', async () => {
    terminal.write('stty size\r')
    return screen.text.includes('20 70')
  })
  terminal.write('sleep 1000\r')
  await shows(/sleep 1000/)
  terminal.write('\x03')
  terminal.write('echo back-$((40+2))\r')
  await shows(/back-42/)
  terminal.write('exit 6\r')
  t.is(await exit, 6)
})

test.serial('logs are read whole, from their end, and followed', async t => {
  t.regex(await fleet.run('logs', 'deployment/front'), /front listens on 80/)
  t.is((await fleet.run('logs', 'deployment/front', '--tail', '0')).trim(), '')
  const lines: string[] = []
  const [pod] = await fleet.pods('-l', 'tier=cache')
  const follower = fleet.follow(['logs', '-f', pod!.metadata.name], line => lines.push(line))
  await waitFor('the first line', async () => lines.length > 0)
  follower.stop()
  t.is(lines[0], 'cache listens on 6379')
})

test.serial('a rolling update never has fewer pods ready than wanted, and ends with the new image only', async t => {
  const ready: number[] = []
  const watcher = fleet.follow(['get', 'deployment', 'front', '--watch', '-o', 'json'], line => {
    const match = /"readyReplicas": (\d+)/.exec(line)
    if (match) ready.push(Number(match[1]))
  })
  const text = JSON.parse(await fleet.run('get', 'deployment', 'front', '-o', 'json'))
  text.spec.template.spec.containers[0].image = 'registry.example/shop/front:2.0'
  const file = resolve(fleet.lab.dir, 'newer.json')
  await writeFile(file, JSON.stringify(text))
  await fleet.run('apply', '-f', file)
  await fleet.run('rollout', 'status', 'deployment/front', '--timeout', '60s')
  const images = await waitFor('old pods gone', async () => {
    const pods = await fleet.pods('-l', 'tier=front')
    return pods.length === 3 && pods.map(imageOf)
  })
  watcher.stop()
  t.deepEqual(new Set(images), new Set(['registry.example/shop/front:2.0']))
  t.true(
    ready.every(count => count >= 3),
    `ready at each change: ${ready.join(' ')}`,
  )
  const sets = JSON.parse(await fleet.run('get', 'replicasets', '-l', 'tier=front', '-o', 'json')).items
  t.is(sets.length, 2, 'the old ReplicaSet stays for a way back')
})

test.serial('a container that ends is started again, later and later, and says so', async t => {
  const manifest = resolve(fleet.lab.dir, 'crash.yaml')
  await writeFile(
    manifest,
    'apiVersion: v1\nkind: Pod\nmetadata: {name: crash}\nspec:\n  containers:\n  - {name: main, image: redis:7, command: [sh, -c, "echo bye; exit 3"]}\n',
  )
  await fleet.run('apply', '-f', manifest)
  const pod = await waitFor('CrashLoopBackOff', async () => {
    const [crash] = (await fleet.pods()).filter(({ metadata }) => metadata.name === 'crash')
    return crash?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff' && crash
  })
  const [status] = pod.status?.containerStatuses ?? []
  t.is(status?.lastState?.terminated?.exitCode, 3)
  t.is(status?.restartCount, 1)
  t.is((await fleet.run('logs', 'crash', '--previous')).trim(), 'bye')
  t.regex(await fleet.run('get', 'pod', 'crash'), /CrashLoopBackOff/)
  await fleet.run('delete', 'pod', 'crash')
})

test.serial('a pod that fits nowhere says why, node by node', async t => {
  const manifest = resolve(fleet.lab.dir, 'huge.yaml')
  await writeFile(
    manifest,
    'apiVersion: v1\nkind: Pod\nmetadata: {name: huge}\nspec:\n  containers:\n  - {name: main, image: redis:7, resources: {requests: {memory: 900Gi}}}\n',
  )
  await fleet.run('apply', '-f', manifest)
  const described = await waitFor('the reasons', async () => {
    const text = await fleet.run('describe', 'pod', 'huge')
    return text.includes('FailedScheduling') && text
  })
  t.regex(described, /0\/3 nodes are available/)
  await fleet.run('delete', 'pod', 'huge')
})

test.serial('delete takes away what apply brought', async t => {
  await fleet.run('delete', '-f', shop)
  await waitFor('all pods gone', async () => (await fleet.pods()).length === 0)
  for (const board of boards) t.deepEqual(await fleet.containerIds(board), [])
})

function imageOf(pod: Pod): string {
  return pod.spec.containers[0]?.image ?? ''
}
