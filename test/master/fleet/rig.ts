/** The fleet's half of a master on a broker in memory and a clock that the test moves, and an agent to talk to it. */
import { generateKeyPairSync } from 'node:crypto'
import type { ExecutionContext } from 'ava'
import type { Event } from '../../../contract/resources/core.ts'
import type { KubernetesObject } from '../../../contract/resources/meta.ts'
import type { Node, NodeStatus } from '../../../contract/resources/node.ts'
import type { Pod, PodStatus } from '../../../contract/resources/pod.ts'
import { type NodeIdentity, trustApiVersion } from '../../../contract/resources/trust.ts'
import { type Profile, profiles, type Report } from '../../../contract/wire/fleet.ts'
import { topicsOf } from '../../../contract/wire/topics.ts'
import { BadMessages } from '../../../kit/bus/bad-messages.ts'
import type { Bus } from '../../../kit/bus/bus.ts'
import type { Snapshot } from '../../../kit/bus/collection.ts'
import { CollectionSubscriber } from '../../../kit/bus/collection-subscriber.ts'
import { MemoryBroker, type MemoryBus } from '../../../kit/bus/memory-bus.ts'
import { Requester } from '../../../kit/bus/request.ts'
import type { Clock } from '../../../kit/clock.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { createLog, type Log, silentLog } from '../../../kit/log.ts'
import { seededRandom } from '../../../kit/random.ts'
import { Intake } from '../../../master/fleet/intake.ts'
import { nodeKind, podKind } from '../../../master/fleet/kinds.ts'
import { Leases } from '../../../master/fleet/leases.ts'
import { Publisher } from '../../../master/fleet/publisher.ts'
import { Sessions } from '../../../master/fleet/sessions.ts'
import { Cache } from '../../../master/store/cache.ts'
import { EventRecorder } from '../../../master/store/event-recorder.ts'
import { MemoryStore } from '../../../master/store/memory-store.ts'
import { NodeUsageBoard } from '../../../master/store/node-usage.ts'
import { kindOf, Objects } from '../../../master/store/objects.ts'

export const topics = topicsOf('lab')
export const profile: Profile = profiles.lan
export const cluster = { clusterCIDR: '10.244.0.0/16', serviceCIDR: '10.96.0.0/16', profile: 'lan' as const }

export interface Room {
  store: MemoryStore
  objects: Objects
  cache: Cache
  events: EventRecorder
  usage: NodeUsageBoard
  leases: Leases
  bad: BadMessages
  intake: Intake
}

/** Everything that a master's fleet room needs, and the intake; all of it stops with the test. */
export async function startRoom(
  t: ExecutionContext,
  { bus, clock, log = silentLog }: { bus: Bus; clock: Clock; log?: Log },
): Promise<Room> {
  const random = seededRandom(1)
  const store = new MemoryStore()
  const objects = new Objects({ store, clock, random })
  const cache = new Cache({ store, log, clock, freeze: true })
  await cache.start()
  const events = new EventRecorder({ objects, clock, log })
  const usage = new NodeUsageBoard()
  const leases = new Leases({ clock, profile })
  const bad = new BadMessages(silentLog)
  const requester = new Requester({ bus, repliesTopic: topics.nodeReplies('+'), clock, random })
  await requester.start()
  const sessions = new Sessions({ clock, takeoverMs: profile.leaseMs })
  const twins = { addressOf: () => undefined, putOut: () => undefined }
  const parts = { sessions, twins, bus, topics, requester, objects, cache, events, usage, leases, profile, clock }
  const intake = new Intake({ ...parts, log, badMessages: bad })
  await intake.start()
  t.teardown(async () => {
    await intake.stop()
    await requester.stop()
    leases.stop()
    await cache.stop()
    await store.close()
  })
  return { store, objects, cache, events, usage, leases, bad, intake }
}

export async function startPublisher(
  t: ExecutionContext,
  { bus, cache, clock, brokerRemembers = false }: { bus: Bus; cache: Cache; clock: Clock; brokerRemembers?: boolean },
): Promise<Publisher> {
  const publisher = new Publisher({ bus, topics, cache, clock, cluster, epoch: 1, log: silentLog, brokerRemembers })
  await publisher.start()
  t.teardown(() => publisher.stop())
  return publisher
}

/** What an agent makes of a collection, state by state. */
export async function readCollection(t: ExecutionContext, rig: Rig, prefix: string): Promise<Snapshot[]> {
  const got: Snapshot[] = []
  const bus = rig.broker.connect(`reader of ${prefix}`)
  const onComplete = (snapshot: Snapshot): void => void got.push(snapshot)
  const subscriber = new CollectionSubscriber({ bus, prefix, log: silentLog, onComplete })
  t.teardown(() => subscriber.stop())
  await subscriber.start()
  await rig.rest()
  return got
}

export function names(snapshot: Snapshot | undefined): string[] {
  return [...(snapshot?.documents.keys() ?? [])].sort()
}

export class Rig {
  /** What was logged as an error or a warning. */
  readonly complaints: string[] = []
  readonly log = createLog({ level: 'warn', write: line => this.complaints.push(line) })
  readonly broker = new MemoryBroker({ log: this.log })
  readonly clock = new FakeClock()
  readonly master: MemoryBus
  room!: Room

  constructor() {
    this.master = this.broker.connect('master')
  }

  async start(t: ExecutionContext): Promise<this> {
    this.room = await startRoom(t, { bus: this.master, clock: this.clock, log: this.log })
    return this
  }

  /** Until nobody has anything left to do at this moment. */
  async rest(): Promise<void> {
    for (let turn = 0; turn < 12; turn++) await this.clock.advance(0)
    await this.room.events.settle()
    await this.clock.advance(0)
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms)
    await this.rest()
  }

  agent(name: string, session = `session of ${name}`): FakeAgent {
    return new FakeAgent(this, name, session)
  }

  node(name: string): Promise<Node | undefined> {
    return this.room.objects.get<Node>(nodeKind, undefined, name)
  }

  pod(name: string): Promise<Pod | undefined> {
    return this.room.objects.get<Pod>(podKind, 'default', name)
  }

  create<T extends KubernetesObject>(object: T): Promise<T> {
    return this.room.objects.create(object)
  }

  async events(): Promise<Event[]> {
    return this.room.objects.list<Event>(kindOf({ apiVersion: 'v1', kind: 'Event' }))
  }

  async reasons(): Promise<string[]> {
    return (await this.events()).map(({ reason }) => reason).sort()
  }

  /** All that is stored, as text: for tests of what must not change. */
  async everything(): Promise<string> {
    return JSON.stringify((await this.room.store.list('')).entries)
  }
}

/** Says what an agent says, when the test wants it. */
export class FakeAgent {
  readonly name: string
  readonly bus: MemoryBus
  /** Full reports that were asked for. */
  asked = 0
  sequence = 0
  #rig: Rig
  #session: string

  constructor(rig: Rig, name: string, session: string) {
    this.#rig = rig
    this.name = name
    this.#session = session
    const payload = JSON.stringify({ online: false, session })
    this.bus = rig.broker.connect(`${name} ${session}`, { topic: topics.nodePresence(name), payload })
    void this.bus.subscribe(topics.nodeRequests(name), message => {
      const { id, body } = JSON.parse(message.payload.toString())
      if (body.verb === 'report') this.asked += 1
      void this.bus.publish(topics.nodeReplies(name), JSON.stringify({ id, body: {} }))
    })
  }

  async beat(): Promise<void> {
    await this.bus.publish(topics.nodeBeat(this.name), JSON.stringify({ session: this.#session }))
    await this.#rig.rest()
  }

  async say(presence: { online: boolean; reason?: 'shutdown' }): Promise<void> {
    const payload = JSON.stringify({ session: this.#session, ...presence })
    await this.bus.publish(topics.nodePresence(this.name), payload, { retain: true })
    await this.#rig.rest()
  }

  /** The next report: a diff unless it says otherwise. */
  async report(fields: Partial<Report> = {}): Promise<void> {
    this.sequence += 1
    await this.repeat({ sequence: this.sequence, ...fields })
  }

  /** A report with a sequence of the test's own. */
  async repeat(fields: Partial<Report> & { sequence: number }): Promise<void> {
    const report: Report = { session: this.#session, full: false, ...fields }
    await this.bus.publish(topics.nodeReport(this.name), JSON.stringify(report))
    await this.#rig.rest()
  }

  full(fields: Partial<Report> = {}): Promise<void> {
    return this.report({ full: true, node: nodeStatus(), pods: {}, ...fields })
  }
}

export function nodeStatus(fields: Partial<NodeStatus> = {}): NodeStatus {
  const resources = { cpu: '4', memory: '4Gi', pods: '110' }
  const info = { osImage: 'Debian 12', kernelVersion: '6.12', containerRuntimeVersion: 'containerd://1.7' }
  const ids = { kubeletVersion: '0.1.0', kubeProxyVersion: '0.1.0', machineID: '', systemUUID: '', bootID: '' }
  return {
    capacity: resources,
    allocatable: resources,
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' }],
    addresses: [{ type: 'InternalIP', address: '10.77.0.11' }],
    nodeInfo: { architecture: 'arm64', operatingSystem: 'linux', ...info, ...ids },
    ...fields,
  }
}

export function podStatus(fields: Partial<PodStatus> = {}): PodStatus {
  const state = { running: { startedAt: '2026-01-01T00:00:00Z' } }
  return {
    phase: 'Running',
    hostIP: '10.77.0.11',
    podIP: '10.244.1.2',
    conditions: [{ type: 'Ready', status: 'True' }],
    containerStatuses: [{ name: 'web', image: 'web:1', imageID: 'sha256:1', ready: true, restartCount: 0, state }],
    ...fields,
  }
}

export function makeNode(name: string, podCIDR?: string): Node {
  const spec = podCIDR === undefined ? {} : { podCIDR }
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec, status: nodeStatus() }
}

export function makePod(name: string, node?: string, metadata: Partial<Pod['metadata']> = {}): Pod {
  const spec = { containers: [{ name: 'web', image: 'web:1' }], ...(node === undefined ? {} : { nodeName: node }) }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', ...metadata }, spec }
}

/** `key`: the private half, PKCS #8 in PEM. */
export function makeIdentity(name: string): { identity: NodeIdentity; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spec = { publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64') }
  return {
    identity: { apiVersion: trustApiVersion, kind: 'NodeIdentity', metadata: { name }, spec },
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}
