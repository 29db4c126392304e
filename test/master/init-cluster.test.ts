import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { parseYamlDocuments } from '../../contract/manifest/yaml.ts'
import type { ClientConfig } from '../../contract/wire/client-config.ts'
import { initCluster } from '../../master/init-cluster.ts'
import { describeInit, findCaller } from '../../master/init-command.ts'
import { folder, masterOptions, runMaster } from './running-master.ts'

const optionsFor = (directory: string) =>
  masterOptions(join(directory, 'data'), { listen: [{ type: 'tls', host: '127.0.0.1', port: 8883 }] })

const readConfig = async (path: string): Promise<ClientConfig> =>
  parseYamlDocuments(await readFile(path, 'utf8'), path).documents[0]?.value as ClientConfig

// One after the other: in whose name this process works is the whole process' affair.
test.serial('init makes a cluster once, and gives the caller a way in beside those that he has', async t => {
  const directory = await folder(t)
  const options = optionsFor(directory)
  const caller = { homeDirectory: join(directory, 'home'), owner: undefined }
  const path = join(caller.homeDirectory, '.config', 'flotilla', 'config.yaml')
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, 'contexts:\n- {name: garden, cluster: garden, server: "mqtts://x:8883", extra: kept}\n', {
    mode: 0o644,
  })

  const first = await initCluster(options, caller)
  t.like(first, { isNew: true, isChanged: true, contextName: 'home', configPath: path })
  t.is((await stat(path)).mode & 0o777, 0o600)
  const config = await readConfig(path)
  t.deepEqual(
    config.contexts.map(({ name }) => name),
    ['garden', 'home'],
  )
  t.like(config, {
    'current-context': 'garden',
    contexts: [{ extra: 'kept' }, { username: 'admin', server: undefined }],
  })
  t.regex(describeInit(first), /keys are made.*sha256:[0-9a-f]{64}.*flotilla token create/s)
  t.false(describeInit(first).includes('PRIVATE'))

  t.like(await initCluster(options, caller), { isNew: false, isChanged: false })
  t.deepEqual(await readConfig(path), config)
})

test.serial('init beside a master that runs gives the way in, and disturbs nothing', async t => {
  const directory = await folder(t)
  const { options } = await runMaster(t, join(directory, 'data'))
  const report = await initCluster(options, { homeDirectory: directory, owner: undefined })
  t.like(report, { isNew: false, isChanged: true, contextName: 'home' })
})

test.serial('init refuses a configuration that it cannot read, and leaves it as it is', async t => {
  const directory = await folder(t)
  const configPath = join(directory, 'config.yaml')
  await writeFile(configPath, 'contexts: 7\n')
  const caller = { homeDirectory: directory, owner: undefined, configPath }
  const refused = initCluster(optionsFor(directory), caller)
  await t.throwsAsync(refused, { code: 'Invalid', message: /config\.yaml.*contexts/ } as object)
  t.is(await readFile(configPath, 'utf8'), 'contexts: 7\n')
})

test.serial('behind sudo, what is written belongs to the person, and the keys to whoever has their folder', async t => {
  if (process.geteuid?.() !== 0) {
    t.pass('needs root: skipped')
    return
  }
  const directory = await folder(t)
  await chmod(directory, 0o777)
  const owner = { uid: 65_534, gid: 65_534 }
  const options = optionsFor(directory)
  const { configPath } = await initCluster(options, { homeDirectory: directory, owner })
  t.like(await stat(configPath), owner)
  t.like(await stat(join(directory, '.config')), owner)
  t.is((await stat(join(directory, 'data', 'pki', 'ca.key'))).uid, 0)
  t.is(process.geteuid?.(), 0)
})

test.serial('the person behind sudo is found, and without sudo it is this user', async t => {
  t.is((await findCaller({})).owner, undefined)
  t.is((await findCaller({ FLOTILLA_CONFIG: '/x' })).configPath, '/x')
  if (process.geteuid?.() !== 0) return
  const [line = ''] = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .filter(text => /^[^:]*:[^:]*:65534:/.test(text))
  const [, , uid, gid, , home] = line.split(':')
  t.like(await findCaller({ SUDO_UID: uid!, SUDO_GID: gid! }), {
    homeDirectory: home!,
    owner: { uid: 65_534, gid: Number(gid) },
  })
})
