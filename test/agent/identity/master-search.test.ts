import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { type FindMasters, pickMasters } from '../../../agent/identity/find-masters.ts'
import { joinCluster } from '../../../agent/identity/join.ts'
import { MasterSearch } from '../../../agent/identity/master-search.ts'
import type { ConnectionFailure } from '../../../kit/bus/connection-failure.ts'
import { waitConnected } from '../../../kit/bus/mqtt-bus.ts'
import { systemClock } from '../../../kit/clock.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'
import type { FoundService } from '../../../kit/mdns.ts'
import { seededRandom, systemRandom } from '../../../kit/random.ts'
import { eventually } from '../../kit/eventually.ts'
import { ShiftedClock, startCluster, temporaryDirectory } from './cluster.ts'
import { joinedDirectory, startNode } from './node.ts'

/** A minute of waiting passes in a second of the test. */
class HastyClock extends ShiftedClock {
  override monotonic(): number {
    return super.monotonic() * 60
  }
}

const nobodyHere = '127.0.0.1:1'

test('a board whose line leads nowhere joins the master that the LAN names, and tells it nothing before it has shown its CA', async t => {
  const [cluster, stranger] = [await startCluster(t), await startCluster(t)]
  const dataDirectory = await temporaryDirectory(t)
  const ticket = await cluster.ticket({ addresses: [nobodyHere] })
  const asked: unknown[] = []
  const outcome = await joinCluster({
    ...{ ticket, nodeName: 'board-1', dataDirectory, clock: systemClock, random: systemRandom, log: silentLog },
    findMasters: async wanted => {
      asked.push(wanted)
      return [`127.0.0.1:${stranger.port}`, `127.0.0.1:${cluster.port}`]
    },
  })
  t.is(outcome, 'joined')
  t.like(asked, [{ cluster: 'home', caFingerprint: ticket.caFingerprint }])
  t.is(await stranger.identityOf('board-1'), undefined)
})

test('a line that leads to the master asks nobody else', async t => {
  const cluster = await startCluster(t)
  const findMasters: FindMasters = async () => t.fail('the LAN was asked') as never
  await joinCluster({
    ...{ ticket: await cluster.ticket(), nodeName: 'board-1', findMasters, log: silentLog },
    ...{ dataDirectory: await temporaryDirectory(t), clock: systemClock, random: systemRandom },
  })
  t.truthy(await cluster.identityOf('board-1'))
})

test('a master whose address has changed is found again, and the new address is there after a restart', async t => {
  const cluster = await startCluster(t)
  const dataDirectory = await joinedDirectory(t, cluster)
  const path = join(dataDirectory, 'identity/identity.json')
  const stored = JSON.parse(await readFile(path, 'utf8'))
  await writeFile(path, JSON.stringify({ ...stored, servers: [`mqtts://${nobodyHere}`] }))
  const findMasters: FindMasters = async () => [`127.0.0.1:${cluster.port}`]
  const { link, lines } = await startNode(t, dataDirectory, { clock: new HastyClock(), findMasters })
  await waitConnected(link.bus, 20_000)
  const kept = async (): Promise<string[]> => JSON.parse(await readFile(path, 'utf8')).servers
  await eventually('the new address on the disk', async () => (await kept()).length === 2)
  t.deepEqual(await kept(), [`mqtts://127.0.0.1:${cluster.port}`, `mqtts://${nobodyHere}`])
  t.true(lines.some(line => line.includes('the master has another address now')))
})

interface Rig {
  clock: FakeClock
  searches: () => number
  fail: (kind: ConnectionFailure['kind'], forMs: number) => Promise<void>
  connect: () => void
}

function startSearch(t: ExecutionContext): Rig {
  const clock = new FakeClock()
  const handlers = { fail: (_: ConnectionFailure): void => undefined, connect: (): void => undefined }
  const counted = { searches: 0 }
  const search = new MasterSearch({
    identity: {
      cluster: 'home',
      caFingerprint: 'ab',
      servers: [],
      alsoTry: () => undefined,
      foundAt: async () => false,
    },
    bus: {
      connected: false,
      url: 'mqtts://master:8883',
      onConnect: handler => {
        handlers.connect = handler
        return () => undefined
      },
      onFailure: handler => {
        handlers.fail = handler
        return () => undefined
      },
    },
    findMasters: async () => {
      counted.searches++
      return []
    },
    ...{ clock, random: seededRandom(1), log: silentLog },
  })
  search.start()
  t.teardown(() => search.stop())
  return {
    clock,
    searches: () => counted.searches,
    connect: () => handlers.connect(),
    async fail(kind, forMs) {
      for (let spentMs = 0; spentMs < forMs; spentMs += 5000) {
        handlers.fail({ kind, reason: '' })
        await clock.advance(5000)
      }
    },
  }
}

test('a short absence asks nobody, a long one ever more seldom, and a master that says no is not looked for', async t => {
  const { fail, searches, connect } = startSearch(t)
  await fail('ended', 25_000)
  t.is(searches(), 0)
  connect()
  await fail('refused', 600_000)
  t.is(searches(), 0)
  await fail('ended', 3_600_000)
  const inAnHour = searches()
  t.true(inAnHour >= 6 && inAnHour <= 14, `${inAnHour} searches`)
  await fail('untrusted', 24 * 3_600_000)
  t.true(searches() - inAnHour < 24 * 9, `${searches() - inAnHour} in a day`)
  connect()
  await fail('ended', 40_000)
  t.true(searches() > inAnHour)
})

test('only masters of the same cluster and CA are tried', t => {
  const service = (cluster: string, ca: string, address: string): FoundService => ({
    ...{ type: '_flotilla._tcp', instance: 'x', port: 8883, txt: { cluster, ca }, addresses: [address] },
  })
  const found = [
    service('home', 'aa', '10.0.0.1'),
    service('home', 'bb', '10.0.0.2'),
    service('garden', 'aa', '10.0.0.3'),
    service('home', 'aa', '10.0.0.1'),
    { ...service('home', 'aa', '10.0.0.4'), txt: {} },
  ]
  t.deepEqual(pickMasters(found, { cluster: 'home', caFingerprint: 'aa' }), ['10.0.0.1:8883'])
})
