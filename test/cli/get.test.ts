import test from 'ava'
import type { AnyObject } from '../../contract/resources/meta.ts'
import { configMap, deployment, namespace, pod, service, target } from '../master/api/harness.ts'
import { createFleet } from './harness.ts'

const node = (name: string): AnyObject => ({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} })

const infoFields = ['bootID', 'containerRuntimeVersion', 'kernelVersion', 'kubeProxyVersion', 'machineID']
const otherFields = ['operatingSystem', 'osImage', 'systemUUID']
const nodeInfo = Object.fromEntries([...infoFields, ...otherFields].map(field => [field, 'x']))

test('a table has a row for each object, in the columns of its kind', async t => {
  const { run, runningPod } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  const { status, stdout } = await run('get', 'pods')
  t.is(status, 0)
  t.regex(stdout, /^NAME {4}READY {3}STATUS {4}RESTARTS {3}AGE\nweb-1 {3}1\/1 {5}Running {3}0 {10}\d+s\n$/)
})

test('-o wide has more, --no-headers less, --show-labels the labels', async t => {
  const { run, runningPod } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  t.regex((await run('get', 'po', '-o', 'wide')).stdout, /IP +NODE\n.*10\.244\.1\.5 +board-1\n$/)
  t.false((await run('get', 'po', '--no-headers')).stdout.includes('NAME'))
  t.regex((await run('get', 'po', '--show-labels')).stdout, /LABELS\n.*app=web\n$/)
})

test('nodes are shown with what their boards measure', async t => {
  const { run, create, write, nodeUsage } = await createFleet(t)
  for (const name of ['board-1', 'board-2']) {
    const { object } = await create(node(name))
    const status = {
      capacity: { cpu: '4', memory: '1Gi' },
      conditions: [{ type: 'Ready', status: 'True' }],
      addresses: [{ type: 'InternalIP', address: '10.77.0.11' }],
      nodeInfo: { ...nodeInfo, architecture: 'arm64', kubeletVersion: 'v0.1.0' },
    }
    await write({ verb: 'update', subresource: 'status', target: target('nodes', name), object: { ...object, status } })
  }
  const usage = { cpu: '1', memory: '256Mi', 'flotilla.dev/temperature': '51' }
  nodeUsage.set('board-1', { timestamp: '2026-01-01T00:00:00Z', usage })
  const { stdout } = await run('get', 'nodes', '-o', 'wide')
  t.regex(stdout, /board-1 +Ready +<none> +\d+s +v0\.1\.0 +25% +25% +51°C +arm64 +10\.77\.0\.11/)
  t.regex(stdout, /board-2 +Ready .*<none> +<none> +<none> +arm64/)
  t.false((await run('get', 'nodes')).stdout.includes('TEMP'))
})

test('several types are several tables, whose names have their type', async t => {
  const { run, create, runningPod } = await createFleet(t)
  await runningPod('web-1', 'board-1')
  await create(service('web'))
  const { stdout } = await run('get', 'pods,svc')
  t.regex(stdout, /^NAME[^\n]*\npod\/web-1 [^\n]*\n\nNAME[^\n]*\nservice\/web [^\n]*80\/TCP[^\n]*\n$/)
  await create(deployment('web'))
  t.regex((await run('get', 'all')).stdout, /pod\/web-1[\s\S]*service\/web[\s\S]*deployment\.apps\/web/)
})

test('one object is itself, several are a List', async t => {
  const { run, create } = await createFleet(t)
  await create(configMap('a'))
  await create(configMap('b'))
  t.is(JSON.parse((await run('get', 'cm', 'a', '-o', 'json')).stdout).metadata.name, 'a')
  const list = JSON.parse((await run('get', 'cm', '-o', 'json')).stdout)
  t.is(list.kind, 'List')
  t.deepEqual(
    list.items.map((item: AnyObject) => item.metadata.name),
    ['a', 'b'],
  )
  t.regex((await run('get', 'cm', 'a', 'b', '-o', 'yaml')).stdout, /^apiVersion: v1\n(kind: List\n|items:\n)/m)
  t.is((await run('get', 'cm/a', '-o', 'name')).stdout, 'configmap/a\n')
  t.deepEqual(JSON.parse((await run('get', 'cm', '-l', 'x=y', '-o', 'json')).stdout).items, [])
})

test('what is not there is told, and what is there is shown nevertheless', async t => {
  const { run, create } = await createFleet(t)
  await create(configMap('a'))
  const ran = await run('get', 'cm', 'a', 'b')
  t.is(ran.status, 1)
  t.regex(ran.stdout, /\na /)
  t.is(ran.stderr, 'Error from server (NotFound): configmaps "b" not found\n')
})

test('nothing found is no error, and says where it was looked for', async t => {
  const { run } = await createFleet(t)
  t.deepEqual(await run('get', 'pods'), { status: 0, stdout: '', stderr: 'No resources found in default namespace.\n' })
  t.is((await run('get', 'pods', '-A')).stderr, 'No resources found\n')
})

test('-A shows the namespace of each, -n one of them', async t => {
  const { run, create, ask } = await createFleet(t)
  await create(namespace('dev'))
  await create(configMap('a'))
  await ask({ verb: 'create', target: target('configmaps', undefined, 'dev'), object: configMap('b') })
  t.regex((await run('get', 'cm', '-A')).stdout, /^NAMESPACE +NAME[^\n]*\ndefault +a [^\n]*\ndev +b /)
  t.false((await run('get', 'cm', '-n', 'dev')).stdout.includes('a '))
})

test('lists longer than a page come whole', async t => {
  const { run, create } = await createFleet(t)
  const large = { data: { a: 'x'.repeat(60_000) } }
  await Promise.all(Array.from({ length: 30 }, (_, index) => create(configMap(`c-${index}`, large))))
  t.is((await run('get', 'cm', '-o', 'name')).stdout.split('\n').length, 31)
})

test('a wrong use ends in status 2 and changes nothing', async t => {
  const { run } = await createFleet(t)
  for (const argv of [
    ['get'],
    ['get', 'gadgets'],
    ['get', 'pods', '-o', 'xml'],
    ['get', 'pods', 'a', '-l', 'b=c'],
    ['get', 'po,svc', '-w'],
    ['get', '--colour'],
  ])
    t.is((await run(...argv)).status, 2, argv.join(' '))
})

test('-w shows what there is, then each change', async t => {
  const { start, create, write } = await createFleet(t)
  await create(pod('web-1'))
  const running = start('get', 'pods', '-w')
  await running.shows('web-1   0/1     Pending')
  await create(pod('web-2'))
  await running.shows(/web-2 +0\/1 +Pending/)
  await write({
    verb: 'patch',
    target: target('pods', 'web-1'),
    patchType: 'merge',
    patch: { metadata: { labels: { a: 'b' } } },
  })
  await running.shows(/web-1[\s\S]*web-2[\s\S]*web-1/)
  running.hangUp()
  t.is((await running.done).status, 0)
})

test('--watch-only leaves out what there is', async t => {
  const { start, create } = await createFleet(t)
  await create(configMap('old'))
  const running = start('get', 'cm', '--watch-only', '-o', 'name')
  // The watch goes on from the list: whatever is created after it is told, however late the watch begins.
  for (
    let index = 0;
    index < 50 &&
    !/new/.test(
      (await Promise.race([
        running.shows('new').then(() => 'new'),
        create(configMap(`new-${index}`)).then(() => ''),
      ])) || '',
    );
    index++
  )
    await new Promise(resolve => setTimeout(resolve, 10))
  running.hangUp()
  t.false((await running.done).stdout.includes('old'))
})

test('in a terminal a wide table is as wide as the terminal, and its names are whole', async t => {
  const { run, create } = await createFleet(t, { size: { columns: 100, rows: 20 } })
  await create(deployment('a-name-to-be-copied', `registry.example.com/${'x'.repeat(60)}:1`))
  const { stdout } = await run('get', 'deployments', '-o', 'wide')
  for (const line of stdout.split('\n')) t.true(line.length <= 100, line)
  t.regex(stdout, /^a-name-to-be-copied {3}.* registry\S*… {3}/m)
})
