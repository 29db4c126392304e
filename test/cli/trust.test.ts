import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import type { JoinToken, User } from '../../contract/resources/trust.ts'
import { checkClientConfig } from '../../contract/wire/client-config.ts'
import { formatToken, parseTicket } from '../../contract/wire/join.ts'
import { generateKey, publicKeyOf, readCsr } from '../../kit/x509.ts'
import { createFleet, type FleetHarness } from './harness.ts'

const userOf = async ({ get }: FleetHarness, name: string): Promise<User> =>
  (await get('users', name)) as unknown as User

test('a join token is one line, and the master knows only its hash', async t => {
  const { run, get } = await createFleet(t)
  const ran = await run('token', 'create', '--node', 'board-2', '--ttl', '2h', '--uses', '3')
  t.is(ran.status, 0, ran.stderr)
  t.is(ran.stderr, '', 'no hint where nobody looks')
  const ticket = parseTicket(ran.stdout)
  t.deepEqual([ticket.cluster, ticket.addresses, ticket.caFingerprint], ['home', ['board-1:8883'], '0'.repeat(64)])
  const object = await get('jointokens', ticket.token.id)
  const { spec } = object as unknown as JoinToken
  const tokenHash = createHash('sha256').update(formatToken(ticket.token)).digest('hex')
  t.deepEqual([spec.tokenHash, spec.uses, spec.nodeName], [tokenHash, 3, 'board-2'])
  const leftMs = Date.parse(spec.expirationTimestamp) - Date.now()
  t.true(leftMs > 110 * 60_000 && leftMs <= 120 * 60_000)
  t.false(JSON.stringify(object).includes(ticket.token.secret))
})

test('on a terminal it says what to do with the line, and -o json has it with its id', async t => {
  const fleet = await createFleet(t, { size: { columns: 200, rows: 40 } })
  const ran = await fleet.run('token', 'create')
  t.is(ran.stdout.trim().split('\n').length, 1)
  t.regex(ran.stderr, /sudo flotilla join/)
  const json = JSON.parse((await fleet.run('token', 'create', '-o', 'json')).stdout)
  t.is(parseTicket(json.ticket).token.id, json.id)
  t.is(json.uses, 1)
})

test('tokens are listed without their secrets, and revoked by their ids', async t => {
  const { run, names } = await createFleet(t)
  const { token } = parseTicket((await run('token', 'create', '--uses', '2')).stdout)
  const list = await run('token', 'list')
  t.regex(list.stdout, new RegExp(`^ID +NODE +USES-LEFT +EXPIRES +STATE\n${token.id} +<any> +2 +in 59m +Valid\n$`))
  t.regex((await run('describe', 'jointoken', token.id)).stdout, /Uses left: +2 of 2\nExpires: .*\nUsed by: +<nobody>/)
  const revoked = await run('token', 'revoke', token.id, 'nobody')
  t.is(revoked.stdout, `jointoken "${token.id}" revoked\n`)
  t.is(revoked.status, 1)
  t.regex(revoked.stderr, /"nobody" not found/)
  t.deepEqual(await names({ resource: 'jointokens' }), [])
})

for (const slip of [
  ['--uses', '0'],
  ['--uses', 'many'],
  ['--ttl', 'soon'],
  ['--node', 'Board.1'],
  ['--node', 'b'.repeat(53)],
])
  test(`token create ${slip.join(' ')} makes none`, async t => {
    const { run, names } = await createFleet(t)
    t.is((await run('token', 'create', ...slip)).status, 2)
    t.deepEqual(await names({ resource: 'jointokens' }), [])
  })

test('a user gets an object, rights, and a file that is his alone and that another machine can use', async t => {
  const fleet = await createFleet(t)
  const { run, folder, get } = fleet
  const out = join(folder, 'alice.yaml')
  await run('create', 'clusterrole', 'edit', '--verb=*', '--resource=pods')
  const ran = await run('user', 'create', 'carol', '--role', 'edit', '-n', 'default', '--group', 'shop', '--out', out)
  t.is(ran.status, 0, ran.stderr)
  t.is(ran.stdout, `${out}\n`)
  t.deepEqual((await userOf(fleet, 'carol')).spec.groups, ['shop'])
  const binding = await get('rolebindings', 'user-carol-edit')
  t.deepEqual(binding['subjects'], [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'carol' }])
  t.is((await stat(out)).mode & 0o777, 0o600)
  const view = JSON.parse((await run('config', 'view', '--config', out, '-o', 'json')).stdout)
  const { contexts } = checkClientConfig(view)
  t.like(contexts[0], {
    ...{ name: 'carol@home', cluster: 'home', username: 'carol', namespace: 'default' },
    servers: ['mqtts://test', 'mqtts://board-1:8883'],
    ...{ key: 'REDACTED', certificate: 'DATA+OMITTED' },
  })
  t.regex(await readFile(out, 'utf8'), /BEGIN PRIVATE KEY/)
})

test('the key of a user stays here: what is asked to be signed is its request', async t => {
  const { run, folder } = await createFleet(t)
  const out = join(folder, 'c.yaml')
  await run('user', 'create', 'carol', '--out', out)
  const text = await readFile(out, 'utf8')
  const [csr = ''] = /-----BEGIN CERTIFICATE REQUEST-----[\s\S]*-----END CERTIFICATE REQUEST-----/.exec(text) ?? []
  await t.notThrowsAsync(readCsr(csr.replace(/^ +/gm, '')))
})

test('what is there is not written over, and nothing is done then', async t => {
  const { run, folder, names } = await createFleet(t)
  const out = join(folder, 'c.yaml')
  await writeFile(out, 'mine')
  const ran = await run('user', 'create', 'carol', '--out', out)
  t.is(ran.status, 1)
  t.regex(ran.stderr, /there already.*--force/)
  t.is(await readFile(out, 'utf8'), 'mine')
  t.false((await names({ resource: 'users' })).includes('carol'))
  t.is((await run('user', 'create', 'carol', '--out', out, '--force')).status, 0)
  t.is((await stat(out)).mode & 0o777, 0o600)
})

test('a user whose making was interrupted is made whole by running it again', async t => {
  const { run, folder, create, get } = await createFleet(t)
  await create({ apiVersion: 'flotilla.dev/v1', kind: 'User', metadata: { name: 'carol' }, spec: {} })
  const out = join(folder, 'c.yaml')
  await run('create', 'clusterrole', 'view', '--verb=get', '--resource=pods')
  const ran = await run('user', 'create', 'carol', '--role', 'view', '--out', out)
  t.is(ran.status, 0, ran.stderr)
  t.regex(ran.stderr, /was there already/)
  t.truthy(await get('rolebindings', 'user-carol-view'))
  t.true(existsSync(out))
})

test('a revoked user is shut out, and let in again with nothing of what he had', async t => {
  const fleet = await createFleet(t)
  const { run, folder } = fleet
  await run('user', 'create', 'carol', '--out', join(folder, 'a.yaml'))
  t.is((await run('user', 'revoke', 'carol')).status, 2, 'not without a word')
  t.falsy((await userOf(fleet, 'carol')).spec.revoked)
  const revoked = await run('user', 'revoke', 'carol', '-y')
  t.is(revoked.stdout, 'user.flotilla.dev/carol revoked\n')
  t.regex((await run('user', 'list')).stdout, /\ncarol +User +<none> +Revoked /)
  const again = await run('user', 'create', 'carol', '--out', join(folder, 'b.yaml'))
  t.is(again.status, 0, again.stderr)
  t.regex(again.stderr, /let in again/)
  const { spec } = await userOf(fleet, 'carol')
  t.falsy(spec.revoked)
  t.is(spec.validAfter, '2026-01-01T00:00:00Z', "by the master's clock, as the harness has it")
})

test('nobody revokes himself: he could not take it back', async t => {
  const { run } = await createFleet(t)
  const ran = await run('user', 'revoke', 'test', '-y')
  t.is(ran.status, 2)
  t.regex(ran.stderr, /that is you: let another administrator/)
  t.regex((await run('user', 'list')).stdout, /\ntest +User .* Valid /)
})

test('a role that is not there is a slip of the pen: nobody is let in by it', async t => {
  const { run, names, folder } = await createFleet(t)
  const ran = await run('user', 'create', 'carol', '--role', 'edti', '--out', join(folder, 'c.yaml'))
  t.is(ran.status, 2)
  t.regex(ran.stderr, /there is no ClusterRole edti/)
  t.false((await names({ resource: 'users' })).includes('carol'))
  t.false(existsSync(join(folder, 'c.yaml')))
})

test('a tool gets three files that any program of MQTT takes', async t => {
  const { run, folder } = await createFleet(t)
  const out = join(folder, 'panel')
  const ran = await run('user', 'create', 'panel', '--tool', '--out', out)
  t.is(ran.status, 0, ran.stderr)
  t.regex(ran.stderr, /mosquitto_sub .*--key .*nodes\/\+\/presence/)
  for (const file of ['ca.crt', 'panel.crt', 'panel.key']) t.is((await stat(join(out, file))).mode & 0o777, 0o600)
  t.regex((await run('user', 'list')).stdout, /\npanel +Tool /)
  const other = await run('user', 'create', 'panel', '--out', join(folder, 'p.yaml'))
  t.regex(other.stderr, /is a tool already/)
})

for (const words of [
  ['user', 'create', 'system:master'],
  ['user', 'create', '../x'],
  ['user', 'create', 'a+b'],
  ['user', 'create', 'panel', '--tool', '--role', 'edit'],
  ['node', 'revoke'],
])
  test(`${words.join(' ')} is a wrong use`, async t => {
    const { run } = await createFleet(t)
    t.is((await run(...words)).status, 2)
  })

test('a token of a user is printed alone', async t => {
  const { run } = await createFleet(t)
  t.deepEqual(await run('user', 'token', 'alice', '--ttl', '8h'), { status: 0, stdout: 'token of alice\n', stderr: '' })
  t.is((await run('user', 'token', 'nobody')).status, 1)
})

test('a node is revoked after a yes, and what follows is told', async t => {
  const { start, run, objects, get } = await createFleet(t, { size: { columns: 200, rows: 40 } })
  const spec = { publicKey: publicKeyOf(generateKey()).toString('base64') }
  await objects.create({ apiVersion: 'flotilla.dev/v1', kind: 'NodeIdentity', metadata: { name: 'board-3' }, spec })
  t.is((await run('node', 'revoke', 'board-4', '-y')).status, 1)
  const no = start('node', 'revoke', 'board-3')
  no.terminal.stdin.write('\n')
  t.is((await no.done).status, 1)
  const yes = start('node', 'revoke', 'board-3')
  yes.terminal.stdin.write('y\n')
  const ran = await yes.done
  t.is(ran.status, 0, ran.stderr)
  t.regex(ran.stderr, /Secrets that it had.*\n.*token create --node board-3/)
  t.is((await get('nodeidentities', 'board-3')).spec?.['revoked'], true)
  t.regex((await run('get', 'nodeidentities')).stdout, /^NAME +STATE +EXPIRES +JOINED\nboard-3 +Revoked /)
})

test('secrets rotate says how many', async t => {
  const { run } = await createFleet(t)
  t.is((await run('secrets', 'rotate')).stdout, '7 secrets encrypted with a new key\n')
})

test('every new command has help with its options', async t => {
  const { run } = await createFleet(t)
  for (const words of [
    'token create',
    'user create',
    'node revoke',
    'broker render',
    'config import',
    'create secret',
  ]) {
    const ran = await run(...words.split(' '), '--help')
    t.is(ran.status, 0)
    t.regex(ran.stdout, /Usage: flotilla /)
  }
  t.regex((await run('create', 'secret', 'generic', '--help')).stdout, /see it in the\s+list of processes/)
})

test('the rules for Mosquitto name those who are there, and nobody who was revoked', async t => {
  const { run, folder, create } = await createFleet(t)
  await create({ apiVersion: 'flotilla.dev/v1', kind: 'User', metadata: { name: 'panel' }, spec: { tool: true } })
  await create({ apiVersion: 'flotilla.dev/v1', kind: 'User', metadata: { name: 'mallory' }, spec: { revoked: true } })
  const printed = await run('broker', 'render', 'mosquitto', '--port', '9883')
  t.regex(printed.stdout, /listener 9883 0\.0\.0\.0[\s\S]*# ==> acl <==/)
  for (const name of ['system:master', 'alice', 'system:tool:panel']) t.true(printed.stdout.includes(`user ${name}\n`))
  t.false(printed.stdout.includes('mallory'))
  const out = join(folder, 'mosquitto')
  const written = await run('broker', 'render', 'mosquitto', '--out', out)
  t.deepEqual(
    written.stdout.split('\n').slice(0, 3),
    ['mosquitto.conf', 'acl', 'join-acl'].map(name => join(out, name)),
  )
  t.true((await readFile(join(out, 'mosquitto.conf'), 'utf8')).includes(`acl_file ${join(out, 'acl')}\n`))
  t.is((await run('broker', 'render', 'emqx')).status, 2)
})
