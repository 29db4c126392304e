/** What boards go through: killed agents, killed runtimes, power cuts, no master, heat, garbage. Wanted containers never restart. */
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import test from 'ava'
import { readConfigFile } from '../../cli/config-file.ts'
import { labLayout } from '../../cli/lab/layout.ts'
import { masterServerName } from '../../contract/wire/identity.ts'
import { wirePrefix } from '../../contract/wire/topics.ts'
import type { Bus } from '../../kit/bus/bus.ts'
import { connectMqttBus, waitConnected } from '../../kit/bus/mqtt-bus.ts'
import { silentLog } from '../../kit/log.ts'
import { canUseLab } from '../cli/lab/harness.ts'
import { Fleet, waitFor } from '../support/fleet.ts'

const hello = resolve(import.meta.dirname, '../../docs/examples/hello.yaml')
const fleet = new Fleet()

test.before(async t => {
  t.timeout(120_000)
  if (!(await canUseLab(t as never))) return
  await fleet.onLab('up')
  await fleet.run('apply', '-f', hello)
  await fleet.run('rollout', 'status', 'deployment/hello', '--timeout', '60s')
})

test.after.always(async t => {
  await fleet.down()
  t.deepEqual(fleet.lab.traces(), [], 'nothing stays on the machine')
})

test.serial('an agent that is killed comes back and restarts nothing, and its node stays Ready', async t => {
  const before = await fleet.containerIds('board-1')
  const pid = (await fleet.sh('board-1', 'cat /run/agent.pid')).trim()
  const notReady: string[] = []
  const watch = fleet.follow(['get', 'nodes', '--watch', '--no-headers'], line => {
    if (line.includes('NotReady')) notReady.push(line)
  })
  await fleet.sh('board-1', `kill -9 ${pid}`)
  await waitFor('a new agent', async () => (await fleet.sh('board-1', 'cat /run/agent.pid')).trim() !== pid)
  await waitFor('its report', async () => (await agentLog('board-1')).match(/connected to the broker/g)!.length >= 2)
  await appliesStill(t, 'after-agent')
  watch.stop()
  t.deepEqual(notReady, [])
  t.deepEqual(await fleet.containerIds('board-1'), before)
})

test.serial('a containerd that is killed comes back and restarts nothing', async t => {
  const before = await fleet.containerIds('board-2')
  const pid = (await fleet.sh('board-2', 'cat /run/containerd.pid')).trim()
  await fleet.sh('board-2', `kill -9 ${pid}`)
  await waitFor('a new containerd', async () => {
    const { stdout, status } = await fleet.lab.run(
      'exec',
      'board-2',
      '--',
      'ctr',
      '-n',
      'k8s.io',
      'containers',
      'ls',
      '-q',
    )
    return status === 0 && stdout.split('\n').filter(Boolean).length === before.length
  })
  await appliesStill(t, 'after-containerd')
  t.deepEqual(await fleet.containerIds('board-2'), before)
  t.true(
    (await fleet.pods('-l', 'app=hello')).every(({ status }) => status?.containerStatuses?.[0]?.restartCount === 0),
  )
})

test.serial('a board boots into what it ran, with its master away', async t => {
  const [pod] = (await fleet.pods('-l', 'app=hello')).filter(({ spec }) => spec.nodeName === 'board-3')
  t.truthy(pod)
  // The agent has had the time to write its wish down, which it does within a moment of hearing it.
  await waitFor('the cache on disk', () =>
    fleet.sh('board-3', `grep -c ${pod!.metadata.name} /var/lib/flotilla/wish.json`).catch(() => undefined),
  )
  await fleet.onLab('kill', 'master')
  await fleet.onLab('kill', 'board-3')
  await fleet.onLab('start', 'board-3')
  const running = await waitFor('the pod, without a master', async () => {
    const tasks = await fleet.sh('board-3', 'ctr -n k8s.io tasks ls').catch(() => '')
    return (tasks.match(/RUNNING/g) ?? []).length === 2 && tasks
  })
  t.truthy(running)
  await fleet.onLab('start', 'master')
  await waitFor('three Ready nodes and three ready pods', async () => {
    const { stdout } = await fleet.try('get', 'deployment', 'hello', '--no-headers')
    const nodes = await fleet.try('get', 'nodes', '--no-headers')
    return /\s3\/3\s/.test(stdout) && (nodes.stdout.match(/ Ready /g) ?? []).length === 3
  })
  const [again] = (await fleet.pods('-l', 'app=hello')).filter(({ spec }) => spec.nodeName === 'board-3')
  t.is(again?.metadata.uid, pod!.metadata.uid, 'the same pod, not another in its place')
  t.is(again?.status?.containerStatuses?.[0]?.restartCount, 1)
})

test.serial('a hot board gets no new pods, and gets them again when it has cooled', async t => {
  await fleet.onLab('heat', 'board-1', '85')
  await waitFor('the heat to be told', async () => (await fleet.run('get', 'nodes', '-o', 'wide')).includes('85°C'))
  await scale('hello', 9)
  const pods = await fleet.pods('-l', 'app=hello')
  t.is(pods.length, 9)
  t.true(pods.filter(({ spec }) => spec.nodeName === 'board-1').length <= 1, 'only the one that was there before')
  await fleet.onLab('heat', 'board-1', '40')
  await waitFor('the cooling to be told', async () => !(await fleet.run('get', 'nodes', '-o', 'wide')).includes('85°C'))
  await scale('hello', 3)
  await scale('hello', 9)
  const spread = await fleet.pods('-l', 'app=hello')
  t.true(spread.filter(({ spec }) => spec.nodeName === 'board-1').length >= 2)
  await scale('hello', 3)
})

test.serial('garbage on any topic that one may use is counted, logged once, and changes nothing', async t => {
  const before = await fleet.containerIds('board-1')
  const garbage = [
    '',
    '{',
    'null',
    '[]',
    '{"session":1}',
    '{"full":"yes","pods":{"x":null}}',
    '{"epoch":9e99}',
    'x'.repeat(100_000),
    Buffer.from([0, 255, 254, 0]),
  ]
  const root = `${wirePrefix}/lab`
  // Beyond these, nobody gets a word through: that is for the attacks to show.
  const places: Array<[who: Credentials, topics: string[]]> = [
    [await boardCredentials('board-1'), ['presence', 'beat', 'report', 'replies'].map(leaf => `nodes/board-1/${leaf}`)],
    [await adminCredentials(), ['clients/admin/garbage/requests']],
  ]
  for (const [credentials, topics] of places) {
    const bus = await connectAs(credentials)
    for (const topic of topics) for (const payload of garbage) await bus.publish(`${root}/${topic}`, payload)
    await bus.close()
  }
  await appliesStill(t, 'after-garbage')
  t.deepEqual(await fleet.containerIds('board-1'), before)
  const log = await readFile(join(fleet.lab.dir, 'master', 'master.log'), 'utf8')
  const complaints = log.split('\n').filter(line => line.includes('bad message'))
  const kinds = complaints.map(line => /kind=("[^"]+"|\S+)/.exec(line)?.[1])
  t.true(kinds.length > 0, 'garbage is told of')
  t.is(new Set(kinds).size, kinds.length, 'once for each kind of message')
  await waitFor('a Ready board', async () => /board-1 +Ready/.test(await fleet.run('get', 'nodes', '--no-headers')))
})

interface Credentials {
  ca: string
  certificate: string
  key: string
}

/** Of whoever holds the card of that board. */
async function boardCredentials(board: string): Promise<Credentials> {
  const path = join(fleet.lab.dir, board, 'flotilla', 'identity', 'identity.json')
  return JSON.parse(await readFile(path, 'utf8')) as Credentials
}

async function adminCredentials(): Promise<Credentials> {
  const [context] = (await readConfigFile(join(fleet.lab.dir, 'config.yaml'))).contexts
  return context as unknown as Credentials
}

async function connectAs({ ca, certificate, key }: Credentials): Promise<Bus> {
  const bus = connectMqttBus({
    url: `mqtts+unix://${labLayout(fleet.lab.dir).masterSocket}`,
    ...{ clientId: 'garbage', keepaliveSeconds: 5, log: silentLog },
    tls: { ca, cert: certificate, key, servername: masterServerName },
  })
  await waitConnected(bus, 5000)
  return bus
}

/** The whole chain still works on every board: three new pods come, answer, and go. */
async function appliesStill(t: { pass: () => void }, name: string): Promise<void> {
  const manifest = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image: 'flotilla.dev/hello:1' }] },
      },
    },
  }
  const file = resolve(fleet.lab.dir, `${name}.json`)
  await writeFile(file, JSON.stringify(manifest))
  await fleet.run('apply', '-f', file)
  await fleet.run('rollout', 'status', `deployment/${name}`, '--timeout', '30s')
  await fleet.run('delete', '-f', file)
  await waitFor('the pods gone', async () => (await fleet.pods('-l', `app=${name}`)).length === 0)
  t.pass()
}

async function scale(name: string, replicas: number): Promise<void> {
  const deployment = JSON.parse(await fleet.run('get', 'deployment', name, '-o', 'json'))
  const file = resolve(fleet.lab.dir, 'scale.json')
  await writeFile(file, JSON.stringify({ ...deployment, spec: { ...deployment.spec, replicas } }))
  await fleet.run('apply', '-f', file)
  await fleet.run('rollout', 'status', `deployment/${name}`, '--timeout', '60s')
  await waitFor(`${replicas} pods`, async () => (await fleet.pods('-l', `app=${name}`)).length === replicas)
}

function agentLog(board: string): Promise<string> {
  return fleet.onLab('exec', 'lan', '--', 'cat', `${fleet.lab.dir}/${board}/agent.log`)
}
