import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { createFleet } from './harness.ts'

const decode = (data: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data as Record<string, string>).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString(),
    ]),
  )

test('a secret comes from literals, files, a folder, a list of variables and stdin', async t => {
  const { start, get, file, folder } = await createFleet(t)
  await mkdir(join(folder, 'files'))
  await writeFile(join(folder, 'files', 'a.txt'), 'A')
  await writeFile(join(folder, 'files', 'not a key'), 'B')
  const [pem, variables] = [await file('server.pem', 'PEM'), await file('vars', '# none\n\nUSER=shop\nURL=a=b\n')]
  const from = [`--from-file=${pem}`, `--from-file=cert=${pem}`, `--from-file=${join(folder, 'files')}`]
  const words = ['--from-literal', 'x=1=2', '--from-file=password=-', `--from-env-file=${variables}`, ...from]
  const running = start('create', 'secret', 'generic', ...words, 'db')
  running.terminal.stdin.end('planted')
  t.deepEqual(await running.done, { status: 0, stdout: 'secret/db created\n', stderr: '' })
  const secret = await get('secrets', 'db')
  t.is(secret['type'], 'Opaque')
  const files = { 'server.pem': 'PEM', cert: 'PEM', 'a.txt': 'A' }
  t.deepEqual(decode(secret['data']), { x: '1=2', password: 'planted', USER: 'shop', URL: 'a=b', ...files })
})

for (const [what, words] of Object.entries({
  'a literal without a key': ['--from-literal', 'planted'],
  'a key twice': ['--from-literal', 'a=planted', '--from-literal', 'a=planted'],
  'a key that is no file name': ['--from-literal', 'a/b=planted'],
  'stdin without a key': ['--from-file', '-'],
}))
  test(`${what} makes no secret, and the error does not repeat the value`, async t => {
    const { run, names } = await createFleet(t)
    const ran = await run('create', 'secret', 'generic', 'db', ...words)
    t.is(ran.status, 2)
    t.false(ran.stderr.includes('planted'), ran.stderr)
    t.deepEqual(await names({ resource: 'secrets' }), [])
  })

test('a secret for TLS takes PEM files and nothing else', async t => {
  const { run, get, file } = await createFleet(t)
  const [cert, key] = [await file('c', '-----BEGIN CERTIFICATE-----'), await file('k', '-----BEGIN PRIVATE KEY-----')]
  t.is((await run('create', 'secret', 'tls', 'web', '--cert', cert)).status, 2)
  t.is((await run('create', 'secret', 'tls', 'web', '--cert', cert, '--key', await file('x', 'planted'))).status, 2)
  t.is((await run('create', 'secret', 'tls', 'web', '--cert', cert, '--key', key)).stdout, 'secret/web created\n')
  t.is((await get('secrets', 'web'))['type'], 'kubernetes.io/tls')
})

test('a config map keeps texts as texts, and other bytes as they are', async t => {
  const { run, get, folder } = await createFleet(t)
  await writeFile(join(folder, 'logo'), Buffer.from([0xff, 0x00]))
  const ran = await run('create', 'cm', 'web', '--from-literal=a=ü', `--from-file=${join(folder, 'logo')}`)
  t.is(ran.stdout, 'configmap/web created\n')
  const { data, binaryData } = await get('configmaps', 'web')
  t.deepEqual([data, binaryData], [{ a: 'ü' }, { logo: '/wA=' }])
})

test('a dry run of the client prints a manifest without a master', async t => {
  const { run, names } = await createFleet(t)
  const words = ['create', 'secret', 'generic', 'db', '--from-literal=a=b', '-n', 'shop', '--dry-run=client']
  const { stdout, status } = await run(...words, '-o', 'json', '--config', '/nowhere')
  t.is(status, 0)
  const metadata = { name: 'db', namespace: 'shop' }
  t.deepEqual(JSON.parse(stdout), { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: { a: 'Yg==' } })
  t.is((await run(...words)).stdout, 'secret/db created (dry run)\n')
  t.is((await run(...words.slice(0, 5), '--dry-run=server')).stdout, 'secret/db created (server dry run)\n')
  t.deepEqual(await names({ resource: 'secrets' }), [])
})

test('roles get a rule for each API group, and bindings their subjects', async t => {
  const { run, get, write } = await createFleet(t)
  const named = ['--resource-name', 'a', '--resource-name', 'b']
  const resources = ['--resource=po,pods/log', '--resource', 'deployments.apps,things.example.com']
  const role = await run('create', 'role', 'r', '--verb=get,list', '--verb=watch', ...resources, ...named)
  t.is(role.stdout, 'role.rbac.authorization.k8s.io/r created\n', role.stderr)
  const rule = { verbs: ['get', 'list', 'watch'], resourceNames: ['a', 'b'] }
  t.deepEqual((await get('roles', 'r'))['rules'], [
    { ...rule, apiGroups: [''], resources: ['pods', 'pods/log'] },
    { ...rule, apiGroups: ['apps'], resources: ['deployments'] },
    { ...rule, apiGroups: ['example.com'], resources: ['things'] },
  ])
  const subjects = ['--user=alice', '--user', 'bob', '--group=ops', '--serviceaccount=shop:web']
  await run('create', 'rolebinding', 'b', '--role=r', ...subjects)
  await run('create', 'clusterrolebinding', 'c', '--clusterrole=view', ...subjects)
  const expected = [
    { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'alice' },
    { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'bob' },
    { kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'ops' },
    { kind: 'ServiceAccount', namespace: 'shop', name: 'web' },
  ]
  const binding = await get('rolebindings', 'b')
  t.deepEqual(
    [binding['roleRef'], binding['subjects']],
    [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' }, expected],
  )
  const at = { resource: 'clusterrolebindings', group: 'rbac.authorization.k8s.io', name: 'c' }
  t.deepEqual((await write({ verb: 'get', target: at })).object['subjects'], expected)
})

test('a role that gathers others has their labels in place of rules', async t => {
  const { run, write } = await createFleet(t)
  await run('create', 'clusterrole', 'all', '--aggregation-rule', 'example.com/in=yes')
  const at = { resource: 'clusterroles', group: 'rbac.authorization.k8s.io', name: 'all' }
  const { aggregationRule } = (await write({ verb: 'get', target: at })).object
  t.deepEqual(aggregationRule, { clusterRoleSelectors: [{ matchLabels: { 'example.com/in': 'yes' } }] })
})

for (const words of [
  ['role', 'r', '--verb=get'],
  ['role', 'r', '--resource=pods'],
  ['role', 'r', '--verb=get', '--resource=pots'],
  ['rolebinding', 'b', '--user=alice'],
  ['rolebinding', 'b', '--role=a', '--clusterrole=b'],
  ['rolebinding', 'b', '--role=a', '--serviceaccount=web'],
  ['clusterrolebinding', 'b', '--user=alice'],
  ['-f', 'web.yaml'],
  ['deployment', 'web'],
])
  test(`create ${words.join(' ')} is a wrong use, and says of what`, async t => {
    const { run } = await createFleet(t)
    const ran = await run('create', ...words)
    t.is(ran.status, 2)
    t.regex(ran.stderr, /^error: .*(verb|resource|role|namespace:name|apply -f)/)
  })

test('accounts and namespaces are made by their names, and a token is printed alone', async t => {
  const { run, names } = await createFleet(t)
  t.is((await run('create', 'ns', 'shop')).stdout, 'namespace/shop created\n')
  t.is((await run('create', 'sa', 'deployer')).stdout, 'serviceaccount/deployer created\n')
  t.true((await names({ resource: 'serviceaccounts' })).includes('deployer'))
  const token = await run('create', 'token', 'deployer', '--duration', '10m')
  t.deepEqual(token, { status: 0, stdout: 'token of system:serviceaccount:default:deployer\n', stderr: '' })
  t.is((await run('create', 'token', 'nobody')).status, 1)
})

test('a secret is described by names and sizes, and its table counts them', async t => {
  const { run, file } = await createFleet(t)
  const manifest = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db' }, stringData: { password: 'planted' } }
  await run('apply', '-f', await file('s.json', JSON.stringify(manifest)))
  const described = await run('describe', 'secret', 'db')
  t.regex(described.stdout, /Type: +Opaque\nData:\n +password: +7 bytes\n/)
  const base64 = Buffer.from('planted').toString('base64')
  for (const shown of [described.stdout, (await run('get', 'secrets')).stdout, (await run('events', '-A')).stdout])
    t.false(shown.includes('planted') || shown.includes(base64), shown)
  t.regex((await run('get', 'secrets')).stdout, /NAME +TYPE +DATA +AGE\ndb +Opaque +1 /)
  t.true((await run('get', 'secret', 'db', '-o', 'yaml')).stdout.includes(base64), 'as kubectl shows it')
})

test('roles, bindings and accounts are shown as kubectl shows them', async t => {
  const { run } = await createFleet(t)
  await run('create', 'sa', 'web')
  await run('create', 'role', 'r', '--verb=get,list', '--resource=pods,deployments.apps')
  await run('create', 'rolebinding', 'b', '--role=r', '--user=alice', '--serviceaccount=default:web')
  t.regex((await run('get', 'role')).stdout, /^NAME +CREATED AT\nr +20\d\d-/)
  t.regex((await run('get', 'sa')).stdout, /NAME +SECRETS +AGE\n[\s\S]*web +0 /)
  const wide = (await run('get', 'rolebindings', '-o', 'wide')).stdout
  t.regex(wide, /NAME +ROLE +AGE +USERS +GROUPS +SERVICEACCOUNTS\nb +Role\/r +\S+ +alice +<none> +default\/web/)
  t.regex(
    (await run('describe', 'role', 'r')).stdout,
    /Resources +Non-Resource URLs +Resource Names +Verbs\n +pods +get list/,
  )
  t.regex((await run('describe', 'role', 'r')).stdout, /deployments\.apps/)
  t.regex(
    (await run('describe', 'rolebinding', 'b')).stdout,
    /Name: +r\nSubjects:\n +Kind +Name +Namespace\n +User +alice/,
  )
  t.regex((await run('describe', 'sa', 'web')).stdout, /Token in pods: +mounted/)
})
