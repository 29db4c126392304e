import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { kindNamed, targetOf } from '../../cli/resource-args.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import { waitConnected } from '../../kit/bus/mqtt-bus.ts'
import { Requester } from '../../kit/bus/request.ts'
import { systemClock } from '../../kit/clock.ts'
import { systemRandom } from '../../kit/random.ts'
import { externalPorts } from '../../master/broker-connection.ts'
import { type Master, startMaster } from '../../master/master.ts'
import { freePort, hasMosquitto } from '../kit/bus/mosquitto.ts'
import { eventually } from '../kit/eventually.ts'
import { adminOf, apiOf, connectAs, folder, makeUser, masterOptions, newCsr, topics } from './running-master.ts'

/** Ends with the test, and with the process that runs it. */
async function startMosquitto(t: ExecutionContext, files: string, pidFile: string): Promise<void> {
  const config = join(files, '..', 'mosquitto.conf')
  // The test's folder is its owner's alone, and so must the broker be.
  const user = process.geteuid?.() === 0 ? 'user root\n' : ''
  await writeFile(config, `${user}${await readFile(join(files, 'mosquitto.conf'), 'utf8')}`)
  const program = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'].find(existsSync) ?? 'mosquitto'
  const child = spawn(program, ['-c', config], { stdio: 'ignore' })
  const end = (): boolean => child.kill('SIGKILL')
  process.once('exit', end)
  t.teardown(() => {
    process.removeListener('exit', end)
    end()
  })
  await writeFile(pidFile, `${child.pid}\n`)
}

test('a Mosquitto with the files that the master keeps for it: users come, are heard, and are cut off', async t => {
  if (!hasMosquitto(t)) return
  const directory = await folder(t)
  const [files, pidFile] = [join(directory, 'mosquitto'), join(directory, 'pid')]
  const brokerUrl = `mqtts://127.0.0.1:${await freePort()}`
  const { port, joinPort } = externalPorts(brokerUrl)
  const options = masterOptions(join(directory, 'data'), {
    ...{ brokerUrl, advertise: [`127.0.0.1:${port}`], brokerFiles: { directory: files, pidFile } },
  })
  const starting = startMaster(options)
  // The broker starts with files that the master makes, and the master waits for the broker.
  await eventually('its files', () => existsSync(join(files, 'mosquitto.conf')))
  await startMosquitto(t, files, pidFile)
  const master: Master = await starting
  t.teardown(() => master.stop())
  t.is((await stat(join(files, 'server.key'))).mode & 0o777, 0o640)

  const admin = await adminOf({ options })
  const api = await apiOf(t, connectAs(t, admin), 'admin')
  t.deepEqual((await api.invite()).addresses, [`127.0.0.1:${joinPort}`])
  const alice = targetOf(kindNamed('users'), undefined, 'alice')
  await api.create(alice, makeUser('alice', { groups: ['system:masters'] }) as unknown as AnyObject)
  const { csr, key } = await newCsr()
  const { certificate } = await api.sign(alice, csr)
  const hers = { ...admin, certificate, key }
  const bus = connectAs(t, hers)
  await eventually('that Mosquitto knows her', async () =>
    (await readFile(join(files, 'acl'), 'utf8')).includes('user alice'),
  )
  await eventually('an answer to her', async () => {
    const one = connectAs(t, hers)
    await waitConnected(one, 5000)
    const version = await apiOf(t, one, 'alice')
      .then(asker => asker.version())
      .catch(() => undefined)
    await one.close()
    return version
  })

  const { certificate: _, key: __, ...bare } = admin
  const joining = connectAs(t, { ...bare, servers: [`mqtts://127.0.0.1:${joinPort}`] })
  await waitConnected(joining, 5000)
  const repliesTopic = topics.joinReplies(joining.clientId)
  const requester = new Requester({ bus: joining, repliesTopic, clock: systemClock, random: systemRandom })
  await requester.start()
  t.teardown(() => requester.stop())
  const reply = await requester.request(topics.joinRequests(joining.clientId), { type: 'nonce' }, { timeoutMs: 5000 })
  t.truthy((reply as { nonce: string }).nonce)

  const asker = await apiOf(t, bus, 'alice')
  t.is((await asker.version()).cluster, 'home')
  await api.patch(alice, { spec: { revoked: true } })
  // Mosquitto ends no connection for it, but neither does the master answer on one.
  const refusal = await eventually('that she is refused', () =>
    asker.version().then(
      () => undefined,
      error => error,
    ),
  )
  t.true(['Unauthorized', 'Timeout', 'ServiceUnavailable'].includes(refusal.code), refusal.message)
  await eventually('that she cannot connect any more', async () => {
    const one = connectAs(t, hers)
    await eventually('an outcome', () => one.connected || one.lastFailure)
    const isOut = !one.connected
    await one.close()
    return isOut
  })
})

test('a broker that is not on this board is used with TLS only', async t => {
  const directory = await folder(t)
  const refused = startMaster(masterOptions(directory, { brokerUrl: 'mqtt://192.0.2.1:1883' }))
  await t.throwsAsync(refused, { code: 'Invalid', message: /mqtts:\/\/192\.0\.2\.1/ } as object)
  t.deepEqual(externalPorts('mqtts://x:1000'), { port: 1000, joinPort: 1001 })
  t.deepEqual(externalPorts('mqtt://127.0.0.1:1883'), { port: 8883, joinPort: 8884 })
})
