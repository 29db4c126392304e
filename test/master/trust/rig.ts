/** The room of trust over a store in memory, in a folder of the test's own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Event } from '../../../contract/resources/core.ts'
import { findKind } from '../../../contract/resources/kinds.ts'
import { type JoinToken, type NodeIdentity, trustApiVersion, type User } from '../../../contract/resources/trust.ts'
import { topicsOf } from '../../../contract/wire/topics.ts'
import { MemoryBroker } from '../../../kit/bus/memory-bus.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { seededRandom } from '../../../kit/random.ts'
import { generateKey, publicKeyOf } from '../../../kit/x509.ts'
import { Cache } from '../../../master/store/cache.ts'
import { EventRecorder } from '../../../master/store/event-recorder.ts'
import { MemoryStore } from '../../../master/store/memory-store.ts'
import { Objects } from '../../../master/store/objects.ts'
import { openTrust, type Trust, type TrustOptions } from '../../../master/trust/trust.ts'

export const startMs = Date.UTC(2030, 0, 1)
export const dayMs = 24 * 60 * 60 * 1000
export const topics = topicsOf('home')

export interface Rig {
  directory: string
  clock: FakeClock
  store: MemoryStore
  objects: Objects
  cache: Cache
  events: EventRecorder
  broker: MemoryBroker
  /** Names of boards that are heard. */
  living: Set<string>
  addresses: string[]
  open(options?: Partial<TrustOptions>): Promise<Trust>
  /** All that is in the store is in the cache, too. */
  settle(): Promise<void>
  /** `Reason kind/name: message` of all Events. */
  told(): Promise<string[]>
}

export async function folder(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-trust-'))
  t.teardown(() => rm(directory, { recursive: true }))
  return directory
}

export async function makeRig(t: ExecutionContext): Promise<Rig> {
  const directory = await folder(t)
  const clock = new FakeClock(startMs)
  const random = seededRandom(1)
  const store = new MemoryStore()
  const objects = new Objects({ store, clock, random })
  const cache = new Cache({ store, log: silentLog, freeze: true })
  await cache.start()
  t.teardown(() => cache.stop())
  const events = new EventRecorder({ objects, clock, log: silentLog })
  const living = new Set<string>()
  const addresses = ['10.0.0.1:8883']
  const base = { directory, cluster: 'home', clock, random, log: silentLog, objects, cache, events }
  return {
    ...{ directory, clock, store, objects, cache, events, living, addresses, broker: new MemoryBroker() },
    open: options =>
      openTrust({ ...base, addresses: () => addresses, names, isLiving: name => living.has(name), ...options }),
    settle: () => cache.atLeast(store.revision),
    told: async () => {
      await events.settle()
      const all = await objects.list<Event>(findKind('v1', 'Event')!)
      return all.map(({ reason, involvedObject: { kind, name }, message }) => `${reason} ${kind}/${name}: ${message}`)
    },
  }
}

export const names = (): { dnsNames: string[]; ipAddresses: string[] } => ({
  dnsNames: ['localhost', 'board-0'],
  ipAddresses: ['127.0.0.1', '10.0.0.1'],
})

export const makeUser = (name: string, spec: User['spec'] = {}): User => ({
  apiVersion: trustApiVersion,
  kind: 'User',
  metadata: { name },
  spec,
})

export function makeIdentity(
  name: string,
  key = generateKey(),
  spec: Partial<NodeIdentity['spec']> = {},
): NodeIdentity {
  const publicKey = publicKeyOf(key).toString('base64')
  return { apiVersion: trustApiVersion, kind: 'NodeIdentity', metadata: { name }, spec: { publicKey, ...spec } }
}

export function makeJoinToken(name: string, spec: Partial<JoinToken['spec']> = {}): JoinToken {
  const expirationTimestamp = new Date(startMs + 60 * 60 * 1000).toISOString()
  const tokenSpec = { tokenHash: '00', expirationTimestamp, uses: 1, ...spec }
  return { apiVersion: trustApiVersion, kind: 'JoinToken', metadata: { name }, spec: tokenSpec }
}
