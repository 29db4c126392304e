import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { parseYamlDocuments } from '../../contract/manifest/yaml.ts'
import type { ClientConfig } from '../../contract/wire/client-config.ts'
import { systemClock } from '../../kit/clock.ts'
import { initCluster } from '../../master/init-cluster.ts'
import { describeInit, findCaller } from '../../master/init-command.ts'
import { adminOf, apiOf, connectAs, folder, masterOptions, runMaster } from './running-master.ts'

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

test.serial(
  'an administrator who was shut out has no way in, until the owner of the board lets him in again',
  async t => {
    const directory = await folder(t)
    const data = join(directory, 'data')
    const caller = { homeDirectory: directory, owner: undefined }
    const running = await runMaster(t, data)
    const before = await adminOf(running)
    const api = await apiOf(t, connectAs(t, before), 'admin')
    await api.patch({ resource: 'users', group: 'flotilla.dev', name: 'admin' }, { spec: { revoked: true } })
    const early = initCluster(running.options, caller, { restore: true })
    await t.throwsAsync(early, { code: 'BadRequest', message: /the master is running: stop it first/ } as object)
    await running.stop()

    const refused = initCluster(running.options, caller)
    await t.throwsAsync(refused, { code: 'NotFound', message: /deleted or revoked.*--restore-admin/ } as object)
    t.like(await initCluster(running.options, caller, { restore: true }), { isNew: false, isChanged: true })
    const again = await runMaster(t, data)
    const back = await apiOf(t, connectAs(t, await adminOf(again)), 'admin')
    t.deepEqual((await back.rules('default')).user.groups, ['system:masters', 'system:authenticated'])
    const old = connectAs(t, { ...before, servers: [`mqtts://127.0.0.1:${again.port}`] })
    const { promise: refusal, resolve } = Promise.withResolvers<string>()
    old.onFailure(({ kind }) => resolve(kind))
    t.is(await refusal, 'refused', 'what was revoked stays worth nothing')
  },
)

test.serial('where no cluster is, there is nobody to let in again: it is made', async t => {
  const directory = await folder(t)
  const caller = { homeDirectory: directory, owner: undefined }
  t.like(await initCluster(optionsFor(directory), caller, { restore: true }), { isNew: true, isChanged: true })
})

test.serial('a clock before the making of the cluster lets nobody in again: what was revoked could count', async t => {
  const directory = await folder(t)
  const caller = { homeDirectory: directory, owner: undefined }
  const options = optionsFor(directory)
  await initCluster(options, caller)
  const clock = { ...systemClock, now: () => 0 }
  const refused = initCluster({ ...options, clock }, caller, { restore: true })
  await t.throwsAsync(refused, { code: 'BadRequest', message: /1970-01-01.*before the cluster was made/ } as object)
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
