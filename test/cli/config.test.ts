import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type ContextSources, findContext } from '../../cli/config.ts'
import { hintAbout } from '../../cli/open-bus.ts'

const yaml = `
current-context: home
contexts:
- {name: home, cluster: home, server: "mqtts://10.0.0.1:8883", username: alice}
- name: site
  cluster: site-7
  servers: [mqtts://site.example, mqtts://site-2.example]
  namespace: apps
  username: bob
`

interface Place {
  sources: ContextSources
  write(name: string, text: string, mode?: number): Promise<string>
}

const inFolder = async (t: { teardown(end: () => Promise<void>): void }): Promise<Place> => {
  const homeDirectory = await mkdtemp(join(tmpdir(), 'flotilla-config-'))
  t.teardown(() => rm(homeDirectory, { recursive: true }))
  return {
    sources: { env: {}, homeDirectory, adminConfig: join(homeDirectory, 'admin.yaml') },
    async write(name, text, mode = 0o600) {
      const path = join(homeDirectory, name)
      await writeFile(path, text)
      await chmod(path, mode)
      return path
    },
  }
}

const tokenOf = (payload: object): string =>
  ['e30', Buffer.from(JSON.stringify(payload)).toString('base64url'), 'c2ln'].join('.')

test('the current context is taken, with the default namespace where it names none', async t => {
  const { sources, write } = await inFolder(t)
  const FLOTILLA_CONFIG = await write('c.yaml', yaml)
  t.deepEqual(await findContext({ ...sources, env: { FLOTILLA_CONFIG } }), {
    ...{ name: 'home', cluster: 'home', servers: ['mqtts://10.0.0.1:8883'], namespace: 'default' },
    ...{ username: 'alice', path: FLOTILLA_CONFIG },
  })
})

test('flags win over the configuration, and --config over the environment', async t => {
  const { sources, write } = await inFolder(t)
  const config = await write('c.yaml', yaml)
  const flags = { config, context: 'site', server: 'mqtts://other', namespace: 'dev' }
  const context = await findContext({ ...sources, ...flags, env: { FLOTILLA_CONFIG: '/nowhere' } })
  t.deepEqual([context.cluster, context.servers, context.namespace], ['site-7', ['mqtts://other'], 'dev'])
})

test('several servers are kept in their order', async t => {
  const { sources, write } = await inFolder(t)
  const config = await write('c.yaml', yaml)
  const { servers, namespace } = await findContext({ ...sources, config, context: 'site' })
  t.deepEqual([servers, namespace], [['mqtts://site.example', 'mqtts://site-2.example'], 'apps'])
})

test('a configuration in JSON is read as well', async t => {
  const { sources, write } = await inFolder(t)
  const context = { name: 'a', cluster: 'b', server: 'mqtts://c', username: 'alice' }
  const config = await write('c.json', JSON.stringify({ contexts: [context] }))
  t.is((await findContext({ ...sources, config })).cluster, 'b')
})

test('without any configuration the error says how to come by one', async t => {
  const { sources } = await inFolder(t)
  const error = await t.throwsAsync(findContext(sources), { code: 'BadRequest' })
  t.regex(error?.message ?? '', /config\.yaml/)
  t.regex(error?.message ?? '', /flotilla config import FILE/)
})

test('on the board of the master its admin has nothing to say, unless he has a configuration of his own', async t => {
  const { sources, write } = await inFolder(t)
  const path = await write('admin.yaml', yaml)
  t.is((await findContext(sources)).path, path)
  const own = await write('own.yaml', yaml)
  t.is((await findContext({ ...sources, env: { FLOTILLA_CONFIG: own } })).path, own)
})

test('a socket alone gives nobody anything', async t => {
  const { sources } = await inFolder(t)
  await t.throwsAsync(findContext({ ...sources, server: 'mqtts+unix:///run/flotilla/master.sock' }), {
    message: /there is no configuration/,
  })
})

for (const secret of ['key', 'token'])
  test(`a configuration with a ${secret} that others can read is refused, with the remedy`, async t => {
    const { sources, write } = await inFolder(t)
    const context = { name: 'a', cluster: 'b', server: 'mqtts://c', username: 'alice' }
    const credentials = secret === 'key' ? { certificate: 'planted', key: 'planted' } : { token: 'planted' }
    const text = JSON.stringify({ contexts: [{ ...context, ...credentials }] })
    const config = await write('c.yaml', text, 0o640)
    const error = await t.throwsAsync(findContext({ ...sources, config }), { code: 'BadRequest' })
    t.true(error?.message.endsWith(`chmod 600 ${config}`), error?.message)
    t.false(error?.message.includes('planted'))
    await chmod(config, 0o600)
    await t.notThrowsAsync(findContext({ ...sources, config }))
  })

test('a token of the environment takes the place of who the context is for', async t => {
  const { sources, write } = await inFolder(t)
  const config = await write('c.yaml', yaml)
  const token = tokenOf({ sub: 'system:serviceaccount:shop:deployer' })
  const context = await findContext({ ...sources, config, env: { FLOTILLA_TOKEN: token } })
  t.deepEqual([context.username, context.token], ['system:serviceaccount:shop:deployer', token])
  for (const bad of ['x', tokenOf({}), tokenOf({ sub: '../#' }), 'a.b.c'])
    await t.throwsAsync(findContext({ ...sources, config, env: { FLOTILLA_TOKEN: bad } }), { code: 'BadRequest' })
})

test('a context that names nobody is no way in', async t => {
  const { sources, write } = await inFolder(t)
  const config = await write('c.json', JSON.stringify({ contexts: [{ name: 'a', cluster: 'b', server: 'mqtts://c' }] }))
  await t.throwsAsync(findContext({ ...sources, config }), { message: /no certificate and no token.*user create/ })
})

test('a context that is not there is answered with those that are', async t => {
  const { sources, write } = await inFolder(t)
  const config = await write('c.yaml', yaml)
  const error = await t.throwsAsync(findContext({ ...sources, config, context: 'hom' }), { code: 'BadRequest' })
  t.regex(error?.message ?? '', /home, site/)
})

test('a configuration that cannot be read is named, with the line, and never repeated', async t => {
  const { sources, write } = await inFolder(t)
  const config = await write('c.yaml', 'contexts:\n- name: "a\n')
  const error = await t.throwsAsync(findContext({ ...sources, config }), { code: 'BadRequest' })
  t.regex(error?.message ?? '', /c\.yaml.*line \d/)
  await t.throwsAsync(findContext({ ...sources, config: '/nowhere.yaml' }), { code: 'BadRequest', message: /nowhere/ })
  const json = await write('c.json', '{"contexts": [{"key": planted}]}')
  const told = await t.throwsAsync(findContext({ ...sources, config: json }), { code: 'BadRequest' })
  t.false(told?.message.includes('planted'))
})

test('each way of not getting in has its own advice', t => {
  const context = { name: 'lab', username: 'alice', server: 'mqtts+unix:///run/x.sock' }
  t.regex(hintAbout(context, { kind: 'ended', reason: 'EACCES' }), /not open to you/)
  t.regex(hintAbout(context, { kind: 'ended', reason: 'ENOENT' }), /master running on this board/)
  t.regex(hintAbout({ ...context, server: 'mqtts://board-1' }, { kind: 'ended', reason: 'ECONNREFUSED' }), /port open/)
  t.regex(hintAbout(context, { kind: 'refused', reason: 'revoked' }), /flotilla user create alice/)
  t.regex(hintAbout({ ...context, token: 'x' }, { kind: 'refused', reason: 'no' }), /flotilla user token alice/)
  t.regex(hintAbout(context, { kind: 'untrusted', reason: 'not of our CA' }), /not the master/)
})
