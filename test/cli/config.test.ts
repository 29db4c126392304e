import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type ContextSources, checkConfig, findContext } from '../../cli/config.ts'
import { hintAbout } from '../../cli/connect.ts'

const yaml = `
current-context: home
contexts:
- {name: home, cluster: home, server: "mqtt://10.0.0.1:1883"}
- name: site
  cluster: site-7
  server: mqtt://site.example
  namespace: apps
`

interface Place {
  sources: ContextSources
  write(name: string, text: string): Promise<string>
}

const inFolder = async (t: { teardown(end: () => Promise<void>): void }): Promise<Place> => {
  const homeDirectory = await mkdtemp(join(tmpdir(), 'flotilla-config-'))
  t.teardown(() => rm(homeDirectory, { recursive: true }))
  return {
    sources: { env: {}, homeDirectory, masterSocket: join(homeDirectory, 'master.sock') },
    async write(name, text) {
      const path = join(homeDirectory, name)
      await writeFile(path, text)
      return path
    },
  }
}

test('the current context is taken, with the default namespace where it names none', async t => {
  const { sources, write } = await inFolder(t)
  const FLOTILLA_CONFIG = await write('c.yaml', yaml)
  const context = await findContext({ ...sources, env: { FLOTILLA_CONFIG } })
  t.deepEqual(context, { name: 'home', cluster: 'home', server: 'mqtt://10.0.0.1:1883', namespace: 'default' })
})

test('flags win over the configuration, and --config over the environment', async t => {
  const { sources, write } = await inFolder(t)
  const config = await write('c.yaml', yaml)
  const flags = { config, context: 'site', server: 'mqtt://other', namespace: 'dev' }
  const context = await findContext({ ...sources, ...flags, env: { FLOTILLA_CONFIG: '/nowhere' } })
  t.deepEqual(context, { name: 'site', cluster: 'site-7', server: 'mqtt://other', namespace: 'dev' })
})

test('a configuration in JSON is read as well', async t => {
  const { sources, write } = await inFolder(t)
  const config = await write('c.json', JSON.stringify({ contexts: [{ name: 'a', cluster: 'b', server: 'mqtt://c' }] }))
  t.is((await findContext({ ...sources, config })).cluster, 'b')
})

test('without any configuration the error says how to write one', async t => {
  const { sources } = await inFolder(t)
  const error = await t.throwsAsync(findContext(sources), { code: 'BadRequest' })
  t.regex(error?.message ?? '', /config\.yaml/)
  t.regex(error?.message ?? '', /current-context: home/)
})

test('on the board of the master nothing has to be said', async t => {
  const { sources, write } = await inFolder(t)
  const socket = await write('master.sock', '')
  t.deepEqual(await findContext(sources), {
    name: 'local',
    cluster: 'home',
    server: `mqtt+unix://${socket}`,
    namespace: 'default',
  })
})

test('--server alone is enough', async t => {
  const { sources } = await inFolder(t)
  t.is((await findContext({ ...sources, server: 'mqtt://10.0.0.9' })).server, 'mqtt://10.0.0.9')
})

test('a context that is not there is answered with those that are', async t => {
  const { sources, write } = await inFolder(t)
  const config = await write('c.yaml', yaml)
  const error = await t.throwsAsync(findContext({ ...sources, config, context: 'hom' }), { code: 'BadRequest' })
  t.regex(error?.message ?? '', /home, site/)
})

test('a configuration that cannot be read is named, with the line', async t => {
  const { sources, write } = await inFolder(t)
  const config = await write('c.yaml', 'contexts:\n- name: "a\n')
  const error = await t.throwsAsync(findContext({ ...sources, config }), { code: 'BadRequest' })
  t.regex(error?.message ?? '', /c\.yaml.*line \d/)
  await t.throwsAsync(findContext({ ...sources, config: '/nowhere.yaml' }), { code: 'BadRequest', message: /nowhere/ })
})

for (const [value, what] of [
  [undefined, /contexts/],
  [{ contexts: 'x' }, /contexts/],
  [{ contexts: [null] }, /contexts\[0\]\.name/],
  [{ contexts: [{ name: 'a', cluster: 'b' }] }, /contexts\[0\]\.server/],
] as const)
  test(`no configuration: ${JSON.stringify(value)}`, t => {
    t.throws(() => checkConfig(value), { message: what })
  })

test('a socket of someone else is told from a master that is not there', t => {
  const context = { name: 'lab', server: 'mqtt+unix:///run/flotilla/master.sock' }
  t.regex(hintAbout(context, 'cannot reach the broker at /run/flotilla/master.sock: EACCES'), /run as root/)
  t.regex(hintAbout(context, 'cannot reach the broker at /run/flotilla/master.sock: ENOENT'), /master running/)
  t.regex(hintAbout({ ...context, server: 'mqtt://board-1' }, 'ECONNREFUSED'), /port open/)
})
