/** A node without a board: joins, and holds its link to the master until the test ends. */
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { FindMasters } from '../../../agent/identity/find-masters.ts'
import { type AgentIdentity, loadIdentity } from '../../../agent/identity/identity.ts'
import { joinCluster } from '../../../agent/identity/join.ts'
import { linkToMaster, type MasterLink } from '../../../agent/identity/link.ts'
import { type Clock, systemClock } from '../../../kit/clock.ts'
import { Lifecycle } from '../../../kit/lifecycle.ts'
import { silentLog } from '../../../kit/log.ts'
import { systemRandom } from '../../../kit/random.ts'
import { recordingLog, type TestCluster, temporaryDirectory } from './cluster.ts'

export interface TestNode {
  dataDirectory: string
  identityPath: string
  identity: AgentIdentity
  link: MasterLink
  lines: string[]
}

export async function joinedDirectory(t: ExecutionContext, cluster: TestCluster): Promise<string> {
  const dataDirectory = await temporaryDirectory(t)
  const parts = { clock: systemClock, random: systemRandom, log: silentLog }
  await joinCluster({ ticket: await cluster.ticket(), nodeName: 'board-1', dataDirectory, ...parts })
  return dataDirectory
}

/** `findMasters`: the real one would ask on the networks of the machine that runs the tests. */
export async function startNode(
  t: ExecutionContext,
  dataDirectory: string,
  { clock = systemClock, findMasters = async () => [] }: { clock?: Clock; findMasters?: FindMasters } = {},
): Promise<TestNode> {
  const { log, lines } = recordingLog()
  const identity = await loadIdentity({ dataDirectory, clock, log })
  if (!identity) throw new Error('the board has not joined')
  const random = systemRandom
  const link = linkToMaster({ identity, keepaliveSeconds: 10, findMasters, clock, random, log })
  const lifecycle = new Lifecycle(log)
  t.teardown(() => lifecycle.stop())
  await lifecycle.start(link.parts)
  return { dataDirectory, identityPath: join(dataDirectory, 'identity/identity.json'), identity, link, lines }
}
