import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { ApiClient } from '../../cli/api-client.ts'
import { kindNamed, targetOf } from '../../cli/resource-args.ts'
import type { Node } from '../../contract/resources/node.ts'
import { profiles } from '../../contract/wire/fleet.ts'
import { topicsOf } from '../../contract/wire/topics.ts'
import { connectMqttBus, waitConnected } from '../../kit/bus/mqtt-bus.ts'
import { Requester } from '../../kit/bus/request.ts'
import { systemClock } from '../../kit/clock.ts'
import { FakeClock } from '../../kit/fake-clock.ts'
import { createLog, silentLog } from '../../kit/log.ts'
import { systemRandom } from '../../kit/random.ts'
import { startEmbeddedBroker } from '../../master/broker/embedded-broker.ts'
import { type Master, startMaster } from '../../master/master.ts'
import { openLevelStore } from '../../master/store/level-store.ts'
import { Objects } from '../../master/store/objects.ts'
import { freePort } from '../kit/bus/mosquitto.ts'
import { eventually } from '../kit/eventually.ts'
import { allowAll } from '../support/allow-all.ts'
import { makeNode } from './fleet/rig.ts'

test('a master waits for its broker, and only then begins to wait for its boards', async t => {
  const data = await mkdtemp(join(tmpdir(), 'flotilla-master-'))
  t.teardown(() => rm(data, { recursive: true }))
  await storeNode(data)
  const port = await freePort()
  const clock = new FakeClock()
  const said: string[] = []
  const starting = startMaster({
    cluster: 'home',
    dataDirectory: data,
    listen: [],
    brokerUrl: `mqtt://127.0.0.1:${port}`,
    profile: 'lan',
    clusterCIDR: '10.244.0.0/16',
    serviceCIDR: '10.96.0.0/16',
    clock,
    random: systemRandom,
    log: createLog({ clock, write: line => said.push(line) }),
  })
  const { masterGraceMs } = profiles.lan
  await eventually('that it says so', async () => {
    await clock.advance(1000)
    return said.some(line => line.includes('waits for its broker')) && clock.monotonic() > masterGraceMs
  })
  t.regex(said.join(''), /the master waits for its broker .*ECONNREFUSED/)

  const broker = await startEmbeddedBroker({
    ...{ cluster: 'home', listen: [{ type: 'plain', host: '127.0.0.1', port }], log: silentLog, policy: allowAll },
  })
  t.teardown(() => broker.close())
  const started: Master[] = []
  void starting.then(master => started.push(master))
  await eventually('a master', async () => {
    await clock.advance(100)
    return started.length > 0
  })
  t.teardown(() => started[0]?.stop())
  const isReady = await watchNode(t, port)
  await clock.advance(masterGraceMs / 2)
  t.is(await isReady(), 'True')
  await eventually('that its time is over', async () => {
    await clock.advance(100)
    return (await isReady()) === 'Unknown'
  })
})

/** A board that was there when the master was there last. */
async function storeNode(data: string): Promise<void> {
  const store = await openLevelStore({ directory: `${data}/store`, clock: systemClock, log: silentLog })
  await new Objects({ store, clock: systemClock, random: systemRandom }).create(makeNode('board-1'))
  await store.close()
}

/** What the API says of the board, asked in real time. */
async function watchNode(t: ExecutionContext, port: number): Promise<() => Promise<string | undefined>> {
  const [topics, clock, random] = [topicsOf('home'), systemClock, systemRandom]
  const bus = connectMqttBus({
    ...{ url: `mqtt://127.0.0.1:${port}`, clientId: 'asker', keepaliveSeconds: 60, log: silentLog },
  })
  t.teardown(() => bus.close())
  await waitConnected(bus, 10_000)
  const requester = new Requester({
    bus,
    repliesTopic: topics.clientReplies({ username: 'admin', client: 'asker' }),
    clock,
    random,
  })
  await requester.start()
  const api = new ApiClient({ bus, requester, topics, username: 'admin', clock, random })
  return async () => {
    const node = (await api.get(targetOf(kindNamed('nodes'), undefined, 'board-1'))) as unknown as Node
    return node.status?.conditions?.find(({ type }) => type === 'Ready')?.status
  }
}
