/**
 * Many boards in one process, for bench/trust.ts: each joins by the line it is given, and is connected as the agent's own link does
 * it; what an agent says and hears when it has no pods. Tells its parent who has joined and who has heard a new master.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadIdentity } from '../agent/identity/identity.ts'
import { joinCluster } from '../agent/identity/join.ts'
import { linkToMaster } from '../agent/identity/link.ts'
import type { NodeStatus } from '../contract/resources/node.ts'
import type { MasterPresence, Report } from '../contract/wire/fleet.ts'
import { parseTicket } from '../contract/wire/join.ts'
import { CollectionSubscriber } from '../kit/bus/collection-subscriber.ts'
import { sleep, systemClock } from '../kit/clock.ts'
import { hasCode } from '../kit/errors.ts'
import { silentLog } from '../kit/log.ts'
import { systemRandom } from '../kit/random.ts'

export type BoardNews = { joined: string; ms: number } | { heard: string; instance: string }

const parts = { clock: systemClock, random: systemRandom, log: silentLog }
const joinsAtOnce = 4
const beatMs = 1000

const [folder = '', lineFile = '', first = '0', count = '0'] = process.argv.slice(2)
const names = Array.from({ length: Number(count) }, (_, index) => `sim-${Number(first) + index}`)
const ticket = parseTicket(await readFile(lineFile, 'utf8'))
const queue = [...names]
await Promise.all(Array.from({ length: joinsAtOnce }, joinSome))
for (const name of names) await connect(name)

async function joinSome(): Promise<void> {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    const dataDirectory = join(folder, name)
    await mkdir(dataDirectory, { recursive: true })
    const beganMs = performance.now()
    await joinWhenLet(name, dataDirectory)
    tell({ joined: name, ms: performance.now() - beganMs })
  }
}

/** A crowd is asked to come back a little later, as `flotilla agent --join` does. */
async function joinWhenLet(nodeName: string, dataDirectory: string): Promise<void> {
  for (;;) {
    try {
      await joinCluster({ ...parts, ticket, nodeName, dataDirectory })
      return
    } catch (error) {
      if (!hasCode(error, 'TooManyRequests', 'ServiceUnavailable', 'Timeout')) throw error
      await sleep(systemClock, 500 + 1000 * systemRandom.number())
    }
  }
}

async function connect(name: string): Promise<void> {
  const identity = await loadIdentity({ ...parts, dataDirectory: join(folder, name) })
  if (!identity) throw new Error(`${name} has not joined`)
  const { bus, topics, session, parts: inside } = linkToMaster({ ...parts, identity, keepaliveSeconds: 15 })
  for (const part of inside) await part.start()
  const report: Report = { session, sequence: 1, full: true, node: statusOf(), pods: {} }
  bus.onConnect(() => {
    void bus.publish(topics.nodePresence(name), JSON.stringify({ online: true, session }), { retain: true })
    void bus.publish(topics.nodeReport(name), JSON.stringify(report))
  })
  for (const prefix of [topics.nodeWish(name), topics.network])
    await new CollectionSubscriber({ bus, prefix, log: silentLog, onComplete: () => undefined }).start()
  await bus.subscribe(topics.nodeRequests(name), () => undefined)
  await bus.subscribe(topics.masterPresence, ({ payload }) => {
    const { online, instance } = JSON.parse(payload.toString()) as MasterPresence
    if (online) tell({ heard: name, instance })
  })
  const beat = JSON.stringify({ session })
  const tick = (): void => {
    if (bus.connected) void bus.publish(topics.nodeBeat(name), beat, { qos: 0 }).catch(() => undefined)
    systemClock.after(beatMs, tick)
  }
  tick()
}

function statusOf(): NodeStatus {
  const amounts = { cpu: '4', memory: '4Gi', pods: '110' }
  const software = {
    osImage: 'bench',
    kernelVersion: '0',
    containerRuntimeVersion: 'none',
    kubeletVersion: '0',
    kubeProxyVersion: '0',
  }
  const ids = { machineID: '0', systemUUID: '0', bootID: '0' }
  return {
    capacity: amounts,
    allocatable: amounts,
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    nodeInfo: { architecture: 'arm64', operatingSystem: 'linux', ...software, ...ids },
  }
}

function tell(news: BoardNews): void {
  process.send?.(news)
}
