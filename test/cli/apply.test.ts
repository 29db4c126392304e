import test from 'ava'
import { createFleet } from './harness.ts'

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "web:1"}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
`

test('apply tells what was created, unchanged, configured', async t => {
  const { run, file } = await createFleet(t)
  const path = await file('web.yaml', web)
  t.deepEqual(await run('apply', '-f', path), {
    status: 0,
    stdout: 'deployment.apps/web created\nservice/web created\n',
    stderr: '',
  })
  t.is((await run('apply', '-f', path)).stdout, 'deployment.apps/web unchanged\nservice/web unchanged\n')
  await file('web.yaml', web.replace('replicas: 2', 'replicas: 3'))
  t.is((await run('apply', '-f', path)).stdout, 'deployment.apps/web configured\nservice/web unchanged\n')
})

test('apply tells all that is wrong, with file, line and path, and changes nothing', async t => {
  const { run, file, store } = await createFleet(t)
  const { revision } = store
  const bad = web.replace('replicas: 2', 'replicas: two').replace('port: 80', 'port: 99999')
  const path = await file('web.yaml', bad)
  const ran = await run('apply', '-f', path)
  t.is(ran.status, 1)
  t.is(ran.stdout, '')
  t.regex(ran.stderr, /web\.yaml:6: spec\.replicas: /)
  t.regex(ran.stderr, /web\.yaml:19: spec\.ports\[0\]\.port: /)
  t.is(store.revision, revision)
})

test('what only the master can know is told with its line too, before anything is written', async t => {
  const { run, file, store } = await createFleet(t)
  await run('apply', '-f', await file('web.yaml', web))
  const { revision } = store
  const path = await file(
    'web.yaml',
    web
      .replace('replicas: 2', 'replicas: 5')
      .replace('{app: web}\n  ports', '{app: web}\n  clusterIP: 10.97.0.1\n  ports'),
  )
  const ran = await run('apply', '-f', path)
  t.is(ran.status, 1)
  t.regex(ran.stderr, /web\.yaml:19: spec\.clusterIP: /)
  t.is(store.revision, revision, 'the deployment before it was not touched')
})

test('a namespace and what is in it come in one file, in any order', async t => {
  const { run, file } = await createFleet(t)
  const inside = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: dev}\n'
  const path = await file('dev.yaml', `${inside}---\napiVersion: v1\nkind: Namespace\nmetadata: {name: dev}\n`)
  t.is((await run('apply', '-f', path)).stdout, 'namespace/dev created\nconfigmap/a created\n')
})

test('a namespace that is not there is an error, and nothing is written', async t => {
  const { run, file, store } = await createFleet(t)
  const { revision } = store
  const ran = await run('apply', '-n', 'dev', '-f', await file('web.yaml', web))
  t.is(ran.status, 1)
  t.regex(ran.stderr, /namespaces "dev" not found/)
  t.is(store.revision, revision)
})

test('a manifest may come from stdin, as JSON, and as a folder', async t => {
  const { run, start, file, folder } = await createFleet(t)
  const piped = start('apply', '-f', '-')
  piped.terminal.stdin.end('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: piped}\n')
  t.is((await piped.done).stdout, 'configmap/piped created\n')
  await file('a.json', JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }))
  await file('b.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n')
  await file('notes.txt', 'not a manifest')
  t.is((await run('apply', '-f', folder)).stdout, 'configmap/a created\nconfigmap/b created\n')
})

test('dry runs write nothing, and say that they were', async t => {
  const { run, file, store } = await createFleet(t)
  const { revision } = store
  const path = await file('web.yaml', web)
  const client = await run('apply', '-f', path, '--dry-run=client')
  t.regex(client.stdout, /deployment\.apps\/web .*dry run/)
  const server = await run('apply', '-f', path, '--dry-run=server')
  t.is(server.stdout, 'deployment.apps/web created (server dry run)\nservice/web created (server dry run)\n')
  t.is(store.revision, revision)
})

test('a client dry run prints the objects as they are written, if so asked', async t => {
  const { run, file } = await createFleet(t)
  const path = await file('a.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {b: c}\n')
  const { stdout } = await run('apply', '-f', path, '--dry-run=client', '-o', 'json')
  t.deepEqual(JSON.parse(stdout), { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { b: 'c' } })
})

test('a slip in an option is told before anything is applied', async t => {
  const { run, file, store } = await createFleet(t)
  const { revision } = store
  const ran = await run('apply', '-f', await file('web.yaml', web), '--wait', '--timeout', '5x')
  t.is(ran.status, 2, ran.stderr)
  t.is(store.revision, revision)
})

test('fields that are kept but not acted on are warned about, with their line', async t => {
  const { run, file } = await createFleet(t)
  const path = await file('web.yaml', web.replace('    spec:\n', '    spec:\n      priorityClassName: high\n'))
  const ran = await run('apply', '-f', path)
  t.is(ran.status, 0)
  t.regex(ran.stderr, /^Warning: .*web\.yaml:11: spec\.template\.spec\.priorityClassName: /)
})

test('--wait follows the rollout to its end', async t => {
  const { start, file, write, get } = await createFleet(t)
  const running = start('apply', '--wait', '--timeout', '10s', '-f', await file('web.yaml', web))
  await running.shows('Waiting for deployment spec update')
  const at = { resource: 'deployments', group: 'apps', namespace: 'default', name: 'web' }
  const counts = { replicas: 2, updatedReplicas: 2, availableReplicas: 2 }
  const object = { ...(await get('deployments', 'web')), status: { observedGeneration: 1, ...counts } }
  await write({ verb: 'update', subresource: 'status', target: at, object })
  const ran = await running.done
  t.is(ran.status, 0)
  t.regex(ran.stdout, /deployment "web" successfully rolled out\n$/)
})

test('apply without a file is a wrong use', async t => {
  const { run } = await createFleet(t)
  const ran = await run('apply')
  t.is(ran.status, 2)
  t.regex(ran.stderr, /-f FILE/)
})

test('-o prints the objects', async t => {
  const { run, file } = await createFleet(t)
  t.is(
    (await run('apply', '-o', 'name', '-f', await file('web.yaml', web))).stdout,
    'deployment.apps/web\nservice/web\n',
  )
})
