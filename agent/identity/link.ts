/** The way from this board to its master, as the node that it is: the bus, the API, and a certificate that stays valid. */
import { type NodePresence, sessionOf } from '../../contract/wire/fleet.ts'
import { maxPacketBytes } from '../../contract/wire/limits.ts'
import { type Topics, topicsOf } from '../../contract/wire/topics.ts'
import { connectMqttBus, type MqttBus } from '../../kit/bus/mqtt-bus.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Part } from '../../kit/lifecycle.ts'
import type { Log } from '../../kit/log.ts'
import type { Random } from '../../kit/random.ts'
import { type FindMasters, findMastersOnLan } from './find-masters.ts'
import type { AgentIdentity } from './identity.ts'
import { CertificateKeeper } from './keeper.ts'
import { MasterSearch } from './master-search.ts'
import { NodeApi } from './node-api.ts'
import { renewAtJoinDoor } from './renew.ts'
import { watchForTwin } from './twin-watch.ts'

export interface LinkParts {
  identity: AgentIdentity
  keepaliveSeconds: number
  /** Default: by mDNS. */
  findMasters?: FindMasters
  clock: Clock
  random: Random
  log: Log
}

export interface MasterLink {
  bus: MqttBus
  /** What this process calls itself. */
  session: string
  topics: Topics
  api: NodeApi
  /** The bus, and what keeps it trusted; first to start and last to stop. */
  parts: Part[]
}

/** Connects in the background. */
export function linkToMaster({ identity, keepaliveSeconds, findMasters, clock, random, log }: LinkParts): MasterLink {
  const { nodeName, username } = identity
  const topics = topicsOf(identity.cluster)
  // A level of the topics on which the node asks the API; another one for each process, so that none hears old answers.
  const clientId = `node-${nodeName}-${random.uuid()}`
  const session = sessionOf(clientId)
  const offline: NodePresence = { online: false, session }
  const bus = connectMqttBus({
    url: () => identity.servers,
    tls: () => identity.tls(),
    clientId,
    will: { topic: topics.nodePresence(nodeName), payload: JSON.stringify(offline) },
    keepaliveSeconds,
    maxPacketBytes,
    clock,
    log,
  })
  const api = new NodeApi({ bus, topics, username, nodeName, clock, random, log })
  const renew = () => renewAtJoinDoor({ identity, clock, random })
  const keeper = new CertificateKeeper({ identity, bus, api, renew, clock, random, log })
  const search = new MasterSearch({
    ...{ identity, bus, clock, random, log },
    findMasters: findMasters ?? findMastersOnLan(clock),
  })
  const stopWatching = watchForTwin({ bus, nodeName, clock, log })
  return {
    bus,
    session,
    topics,
    api,
    parts: [
      { name: 'bus', start: () => undefined, stop: () => bus.close() },
      { name: 'twin watch', start: () => undefined, stop: stopWatching },
      { name: 'requests to the master', start: () => api.start(), stop: () => api.stop() },
      { name: 'search for the master', start: () => search.start(), stop: () => search.stop() },
      { name: 'certificate', start: () => keeper.start(), stop: () => keeper.stop() },
    ],
  }
}
