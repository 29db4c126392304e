/** A cluster to join: the real broker over TLS and the real room of trust, on a free port of the loopback; no board of it is real. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { JoinToken, NodeIdentity } from '../../../contract/resources/trust.ts'
import type { ApiRequest } from '../../../contract/wire/api.ts'
import { parseUsername } from '../../../contract/wire/identity.ts'
import { formatToken, type JoinTicket } from '../../../contract/wire/join.ts'
import { topicsOf } from '../../../contract/wire/topics.ts'
import { connectMqttBus, waitConnected } from '../../../kit/bus/mqtt-bus.ts'
import { serveRequests } from '../../../kit/bus/serve-requests.ts'
import { type Clock, systemClock } from '../../../kit/clock.ts'
import { createLog, type Log, silentLog } from '../../../kit/log.ts'
import { systemRandom } from '../../../kit/random.ts'
import { type EmbeddedBroker, startEmbeddedBroker } from '../../../master/broker/embedded-broker.ts'
import { Cache } from '../../../master/store/cache.ts'
import { EventRecorder } from '../../../master/store/event-recorder.ts'
import { MemoryStore } from '../../../master/store/memory-store.ts'
import { Objects } from '../../../master/store/objects.ts'
import { nodeIdentityKind } from '../../../master/trust/kinds.ts'
import { openTrust, type Trust } from '../../../master/trust/trust.ts'
import { eventually } from '../../kit/eventually.ts'

export const clusterName = 'home'

/** The master's wall clock is moved by `offsetMs`; what waits does not notice. */
export class ShiftedClock implements Clock {
  offsetMs = 0

  now(): number {
    return systemClock.now() + this.offsetMs
  }

  monotonic(): number {
    return systemClock.monotonic()
  }

  after(delayMs: number, run: () => void): () => void {
    return systemClock.after(delayMs, run)
  }
}

export interface TestCluster {
  clock: ShiftedClock
  trust: Trust
  broker: EmbeddedBroker
  port: number
  /** A join line for a new token. */
  ticket(options?: { nodeName?: string; addresses?: string[]; uses?: number }): Promise<JoinTicket>
  identityOf(node: string): Promise<NodeIdentity | undefined>
  revoke(node: string): Promise<void>
}

export async function startCluster(t: ExecutionContext, { offsetMs = 0 } = {}): Promise<TestCluster> {
  const clock = new ShiftedClock()
  clock.offsetMs = offsetMs
  const directory = await temporaryDirectory(t)
  const [random, log] = [systemRandom, silentLog]
  const store = new MemoryStore()
  const objects = new Objects({ store, clock, random })
  const cache = new Cache({ store, log, clock })
  await cache.start()
  t.teardown(() => cache.stop())
  const events = new EventRecorder({ objects, clock, log })
  const where = { port: 0 }
  const addresses = (): string[] => [`127.0.0.1:${where.port}`]
  const parts = { directory, cluster: clusterName, clock, random, log, objects, cache, events, addresses }
  const trust = await openTrust({ ...parts, isLiving: () => false })
  const { certificate: cert, key } = trust.serverCertificate.current
  const broker = await startEmbeddedBroker({
    ...{ cluster: clusterName, clock, log, policy: trust.policy },
    listen: [{ type: 'tls', host: '127.0.0.1', port: 0 }],
    tls: { cert, key, ca: trust.authority.certificate },
  })
  t.teardown(() => broker.close())
  const [address] = broker.addresses
  where.port = address && 'port' in address ? address.port : 0
  await serve(t, { trust, broker })
  return {
    ...{ clock, trust, broker, port: where.port },
    async ticket({ nodeName, addresses: given = addresses(), uses = 1 } = {}) {
      const token = { id: random.suffix(6), secret: random.suffix(26) }
      await objects.create<JoinToken>({
        ...{ apiVersion: 'flotilla.dev/v1', kind: 'JoinToken', metadata: { name: token.id } },
        spec: {
          tokenHash: createHash('sha256').update(formatToken(token)).digest('hex'),
          expirationTimestamp: new Date(clock.now() + 3_600_000).toISOString(),
          uses,
          ...(nodeName !== undefined && { nodeName }),
        },
      })
      return { cluster: clusterName, addresses: given, token, caFingerprint: trust.authority.facts.fingerprint }
    },
    identityOf: node => objects.get<NodeIdentity>(nodeIdentityKind, undefined, node),
    async revoke(node) {
      const ref = { kind: nodeIdentityKind, name: node }
      await objects.update<NodeIdentity>(ref, found => ({ ...found, spec: { ...found.spec, revoked: true } }))
      const publicKey = (await objects.get<NodeIdentity>(nodeIdentityKind, undefined, node))?.spec.publicKey ?? ''
      const proof = { by: 'certificate', publicKey, issuedMs: clock.now() } as const
      await eventually('the revocation', () => trust.identities.problemWith({ kind: 'node', name: node }, proof))
      broker.recheck()
    },
  }
}

/** The join service, and of the API what a node asks of it. */
async function serve(t: ExecutionContext, { trust, broker }: { trust: Trust; broker: EmbeddedBroker }): Promise<void> {
  const topics = topicsOf(clusterName)
  const bus = connectMqttBus({
    ...{ url: 'mqtt://embedded', openSocket: () => broker.openSocket(), clientId: 'master' },
    ...{ keepaliveSeconds: 60, log: silentLog },
  })
  t.teardown(() => bus.close())
  await waitConnected(bus, 10_000)
  const service = trust.joinService(bus, topics)
  await service.start()
  t.teardown(() => service.stop())
  await serveRequests({
    ...{ bus, clock: systemClock, log: silentLog, maxInFlight: 10 },
    topic: topics.clientRequests({ username: '+', client: '+' }),
    askerOf: topic => {
      const asker = topics.parseClient(topic)
      return asker && { replies: topics.clientReplies(asker), username: asker.username }
    },
    handle: async (body, { asker }) => {
      const identity = parseUsername(asker.username)
      const request = body as ApiRequest
      if (!identity || request.verb !== 'sign') throw new Error('not asked for in these tests')
      return trust.verbs.certify(identity, request.csr)
    },
  })
}

export async function temporaryDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-identity-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A log whose lines can be looked at. */
export function recordingLog(): { log: Log; lines: string[] } {
  const lines: string[] = []
  return { log: createLog({ write: line => lines.push(line) }), lines }
}
