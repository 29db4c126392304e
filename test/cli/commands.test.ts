import test from 'ava'
import type { Event } from '../../contract/resources/core.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import { configMap, deployment, service, target } from '../master/api/harness.ts'
import { createFleet } from './harness.ts'

const event = (name: string, about: AnyObject, more: Partial<Event> = {}): AnyObject => {
  const { kind, metadata } = about
  const involvedObject = { kind, name: metadata.name, namespace: 'default', uid: metadata.uid ?? '' }
  const lastTimestamp = '2026-01-01T00:00:00Z'
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: 'default' },
    ...{
      involvedObject,
      type: 'Normal',
      reason: 'Pulled',
      message: 'image is there',
      lastTimestamp,
      count: 1,
      ...more,
    },
  }
}

test('delete tells what is gone, and waits until it is', async t => {
  const { run, create, names } = await createFleet(t)
  await create(configMap('a'))
  await create(configMap('b'))
  t.deepEqual(await run('delete', 'cm', 'a', 'b'), {
    status: 0,
    stdout: 'configmap "a" deleted\nconfigmap "b" deleted\n',
    stderr: '',
  })
  t.deepEqual(await names({ resource: 'configmaps' }), [])
})

test('delete waits for what others still hold, and no longer than it is told to', async t => {
  const { run, start, create, write } = await createFleet(t)
  await create({ ...configMap('a'), metadata: { name: 'a', finalizers: ['example.com/hold'] } })
  const late = await run('delete', 'cm', 'a', '--timeout', '200ms')
  t.is(late.status, 1)
  t.regex(late.stderr, /timed out waiting for configmap\/a/)
  t.is((await run('delete', 'cm', 'a', '--wait=false')).status, 0)
  const running = start('delete', 'cm/a')
  await running.shows('deleted')
  await write({
    verb: 'patch',
    target: target('configmaps', 'a'),
    patchType: 'merge',
    patch: { metadata: { finalizers: null } },
  })
  t.is((await running.done).status, 0)
})

test('delete -f removes what the file describes, and what is gone already is fine if so asked', async t => {
  const { run, file, create, names } = await createFleet(t)
  await create(service('web'))
  const path = await file('web.json', JSON.stringify(service('web')))
  t.is((await run('delete', '-f', path)).stdout, 'service "web" deleted\n')
  t.deepEqual(await names({ resource: 'services' }), [])
  const again = await run('delete', '-f', path)
  t.is(again.status, 1)
  t.is(again.stderr, 'Error from server (NotFound): services "web" not found\n')
  t.is((await run('delete', '-f', path, '--ignore-not-found')).status, 0)
})

test('delete -f ends a namespace last, wherever it stands in the file', async t => {
  const { run, file } = await createFleet(t)
  const inside = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: dev}\n'
  const path = await file('dev.yaml', `${inside}---\napiVersion: v1\nkind: Namespace\nmetadata: {name: dev}\n`)
  await run('apply', '-f', path)
  const ran = await run('delete', '-f', path, '--wait=false')
  t.deepEqual(ran, { status: 0, stdout: 'configmap "a" deleted\nnamespace "dev" deleted\n', stderr: '' })
})

for (const slip of [
  ['--timeout', '5x'],
  ['--grace-period', 'soon'],
])
  test(`delete with ${slip.join(' ')} deletes nothing`, async t => {
    const { run, create, names } = await createFleet(t)
    await create(configMap('a'))
    const ran = await run('delete', 'cm', 'a', ...slip)
    t.is(ran.status, 2, ran.stderr)
    t.regex(ran.stderr, new RegExp(`^error: .*${slip[1]}`))
    t.deepEqual(await names({ resource: 'configmaps' }), ['a'])
  })

test('delete by selector, all, and not by accident', async t => {
  const { run, create, names } = await createFleet(t)
  await create(configMap('a', { labels: { app: 'web' } }))
  await create(configMap('b'))
  t.is((await run('delete', 'cm')).status, 2)
  t.is((await run('delete', 'cm', '-l', 'app=web')).stdout, 'configmap "a" deleted\n')
  t.is((await run('delete', 'cm', '--all', '--dry-run=server')).stdout, 'configmap "b" deleted (dry run)\n')
  t.deepEqual(await names({ resource: 'configmaps' }), ['b'])
  await run('delete', 'cm', '--all')
  t.deepEqual(await names({ resource: 'configmaps' }), [])
})

test('describe tells all about a pod, with what happened to it and not to its namesake', async t => {
  const { run, runningPod, create } = await createFleet(t)
  const pod = await runningPod('web-1', 'board-1')
  await create(event('e1', pod))
  await create(event('e2', pod, { type: 'Warning', reason: 'BackOff', message: 'restarting', count: 5 }))
  await create(event('e3', { ...pod, metadata: { ...pod.metadata, uid: 'old' } }, { reason: 'Ancient' }))
  const { stdout, status } = await run('describe', 'pod', 'web-1')
  t.is(status, 0)
  t.regex(stdout, /^Name: +web-1\nNamespace: +default\nLabels: +app=web\n/)
  t.regex(stdout, /Node: +board-1/)
  t.regex(stdout, /State: +Running since 2026/)
  t.regex(stdout, /Events:\n +Type +Reason +Age +From +Message\n/)
  t.regex(stdout, /Warning +BackOff +.*\(x5 over .*\).*restarting/)
  t.false(stdout.includes('Ancient'))
})

test('describe knows every kind', async t => {
  const { run, create } = await createFleet(t)
  await create(deployment('web'))
  await create(service('web'))
  await create(configMap('conf', { data: { 'app.conf': 'one\ntwo' } }))
  await create({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'board-1' },
    spec: { podCIDR: '10.244.1.0/24' },
  } as AnyObject)
  t.regex((await run('describe', 'deploy/web')).stdout, /Replicas: +2 desired \| 0 updated/)
  t.regex((await run('describe', 'svc/web')).stdout, /IP: +10\.96\.[\s\S]*Endpoints: +<none>/)
  t.regex((await run('describe', 'cm/conf')).stdout, /app\.conf: +one\n +two/)
  t.regex((await run('describe', 'node/board-1')).stdout, /PodCIDR: +10\.244\.1\.0\/24/)
  t.regex((await run('describe', 'ns/default')).stdout, /phase: +Active/)
  const missing = await run('describe', 'pod', 'nobody')
  t.is(missing.status, 1)
  t.regex(missing.stderr, /pods "nobody" not found/)
})

test('events are told oldest first, of one object if so asked, and go on with -w', async t => {
  const { run, start, create, runningPod } = await createFleet(t)
  const pod = await runningPod('web-1', 'board-1')
  const other = await runningPod('web-2', 'board-1')
  await create(event('z', pod, { lastTimestamp: '2026-01-01T00:00:00Z', reason: 'First' }))
  await create(event('a', other, { lastTimestamp: '2026-01-02T00:00:00Z', reason: 'Second', type: 'Warning' }))
  t.regex((await run('events')).stdout, /LAST SEEN +TYPE[\s\S]*First[\s\S]*Second/)
  t.false((await run('events', '--for', 'pod/web-1')).stdout.includes('Second'))
  t.false((await run('events', '--types', 'Warning')).stdout.includes('First'))
  t.regex((await run('events', '--types', 'normal,Warning')).stdout, /First[\s\S]*Second/)
  t.is((await run('events', '--types', 'Error')).status, 2)
  const running = start('events', '-w')
  await running.shows('Second')
  await create(event('m', pod, { reason: 'Third' }))
  await running.shows('Third')
  running.hangUp()
  t.is((await running.done).status, 0)
})

test('rollout status ends with the rollout, its failure, or its time', async t => {
  const { run, start, create, write } = await createFleet(t)
  const { object } = await create(deployment('web'))
  const at = target('deployments', 'web')
  const late = await run('rollout', 'status', 'deploy/web', '--timeout', '100ms')
  t.is(late.status, 1)
  t.regex(late.stderr, /timed out/)
  const running = start('rollout', 'status', 'deployment/web')
  await running.shows('spec update to be observed')
  const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }]
  const { resourceVersion: _version, ...metadata } = object.metadata
  const failed = { ...object, metadata, status: { observedGeneration: 1, conditions } }
  await write({ verb: 'update', subresource: 'status', target: at, object: failed })
  const ran = await running.done
  t.is(ran.status, 1)
  t.regex(ran.stderr, /exceeded its progress deadline/)
  t.is((await run('rollout', 'status', 'deploy/nobody')).status, 1)
  for (const words of [['deploy', 'nobody'], ['nobody']])
    t.regex((await run('rollout', 'status', ...words)).stderr, /deployments.apps "nobody" not found/)
  t.is((await run('rollout', 'status', 'svc/web')).status, 2)
})

test('what kubectl has and Flotilla has not is answered with the way that there is', async t => {
  const { run } = await createFleet(t)
  const scale = await run('scale', 'deploy/web', '--replicas', '3')
  t.is(scale.status, 2)
  t.regex(scale.stderr, /^error: Flotilla has no "scale": set spec\.replicas: .*flotilla apply/)
  t.regex((await run('rollout', 'undo', 'deploy/web')).stderr, /^error: Flotilla has no "rollout undo": /)
})

test('version names both programs, and the client’s own without a master', async t => {
  const { run } = await createFleet(t)
  t.regex((await run('version')).stdout, /^Client: \d+\.\d+\.\d+\nMaster: 0\.0\.0, cluster home, epoch 1\n$/)
  t.regex((await run('version', '--client')).stdout, /^Client: [\d.]+\n$/)
})

test('api-resources lists the kinds with the names that commands take', async t => {
  const { run } = await createFleet(t)
  t.regex((await run('api-resources')).stdout, /\ndeployments +deploy +apps\/v1 +true +Deployment\n/)
})

test('a master that does not answer is told as such', async t => {
  const { start, broker } = await createFleet(t)
  const running = start('get', 'pods')
  broker.connect('master')
  const ran = await running.done
  t.is(ran.status, 1)
  t.regex(ran.stderr, /is the master/)
})
