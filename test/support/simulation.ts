/** A whole control plane in one process, on a memory store and a fake clock: any run replays from its seed. */
import type { AnyObject, KubernetesObject } from '../../contract/resources/meta.ts'
import type { Node } from '../../contract/resources/node.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import type { EndpointSlice, Service } from '../../contract/resources/service.ts'
import type { Deployment, ReplicaSet } from '../../contract/resources/workloads.ts'
import { FakeClock } from '../../kit/fake-clock.ts'
import { createLog, type Log, silentLog } from '../../kit/log.ts'
import { type Random, seededRandom } from '../../kit/random.ts'
import { Controllers } from '../../master/controllers/controllers.ts'
import { deploymentKind, endpointSliceKind, nodeKind, podKind, replicaSetKind } from '../../master/controllers/kinds.ts'
import { Cache } from '../../master/store/cache.ts'
import { deleteObject } from '../../master/store/delete-object.ts'
import { EventRecorder } from '../../master/store/event-recorder.ts'
import { MemoryStore } from '../../master/store/memory-store.ts'
import { NodeUsageBoard } from '../../master/store/node-usage.ts'
import { kindOf, Objects } from '../../master/store/objects.ts'
import { FakeKubelets } from './fake-kubelets.ts'

/** So much quiet time on the fake clock counts as rest. */
const restMs = 3000
const stepMs = 20
const maxSettleMs = 120_000
export const startGraceMs = 5000

export class Simulation {
  readonly clock = new FakeClock()
  readonly store = new MemoryStore()
  readonly usage = new NodeUsageBoard()
  readonly random: Random
  readonly objects: Objects
  readonly boards: FakeKubelets
  cache!: Cache
  #controllers!: Controllers
  #log: Log
  #inspectors: Array<() => void> = []
  /** Warnings of the controllers: none is expected but lost races. */
  readonly complaints: string[] = []

  constructor(seed: number) {
    this.random = seededRandom(seed)
    const parts = { store: this.store, clock: this.clock, random: this.random }
    this.objects = new Objects(parts)
    this.boards = new FakeKubelets({ objects: this.objects, clock: this.clock, random: this.random })
    this.#log = createLog({ level: 'warn', clock: this.clock, write: line => this.complaints.push(line) })
  }

  async start(): Promise<void> {
    const { clock, random, store, objects, usage } = this
    this.cache = new Cache({ store, log: this.#log, clock, freeze: true })
    await this.cache.start()
    this.cache.onChange(() => {
      for (const inspect of this.#inspectors) inspect()
    })
    this.boards.follow(this.cache)
    const events = new EventRecorder({ objects, clock, log: silentLog })
    const parts = { store, objects, cache: this.cache, clock, random, log: this.#log, events, usage }
    this.#controllers = new Controllers({
      ...parts,
      health: this.boards,
      clusterCIDR: '10.244.0.0/16',
      startGraceMs,
    })
    await this.#controllers.start()
  }

  async stop(): Promise<void> {
    await this.#controllers.stop()
    await this.cache.stop()
  }

  /** The master is gone between the two; the boards go on. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Called after every change that the cache sees. */
  inspect(check: () => void): void {
    this.#inspectors.push(check)
  }

  async addBoard(name: string, overrides: Partial<Node> = {}): Promise<void> {
    this.boards.setReachable(name, true)
    const resources = { cpu: '4', memory: '4Gi', pods: '110' }
    await this.objects.create<Node>({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name } },
      spec: {},
      status: { capacity: resources, allocatable: resources, conditions: [{ type: 'Ready', status: 'True' }] },
      ...overrides,
    })
  }

  cut(node: string): void {
    this.boards.setReachable(node, false)
  }

  /** The board is back, and has reported itself ready. */
  async mend(node: string): Promise<void> {
    this.boards.setReachable(node, true)
    await this.objects.update<Node>({ kind: nodeKind, name: node }, current => ({
      ...current,
      status: {
        ...current.status,
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    }))
  }

  async delete(object: KubernetesObject): Promise<void> {
    await deleteObject(this.objects, object, { nowMs: this.clock.now() })
  }

  async updateDeployment(name: string, change: (spec: Deployment['spec']) => Deployment['spec']): Promise<void> {
    const ref = { kind: deploymentKind, namespace: 'default', name }
    await this.objects.update<Deployment>(ref, current => ({ ...current, spec: change(current.spec) }))
  }

  /** Lets time pass. */
  async run(durationMs: number): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += stepMs) {
      await this.clock.advance(stepMs)
      await this.drain()
    }
  }

  /** Until nothing has changed for a while; rejects when that never comes. */
  async settle(): Promise<void> {
    let quietMs = 0
    for (let passed = 0; quietMs < restMs; passed += stepMs) {
      if (passed > maxSettleMs) throw new Error(`the cluster does not come to rest within ${maxSettleMs} ms`)
      const before = this.store.revision
      await this.run(stepMs)
      quietMs = this.store.revision === before ? quietMs + stepMs : 0
    }
  }

  /** Until everything that needs no time has happened. */
  async drain(): Promise<void> {
    for (let still = 0; still < 3; ) {
      const before = this.store.revision
      await this.#controllers.idle()
      await this.cache.atLeast(this.store.revision)
      await new Promise(resolve => setImmediate(resolve))
      still = this.store.revision === before ? still + 1 : 0
    }
  }

  deployment(name = 'web'): Deployment {
    const found = this.cache.get<Deployment>(deploymentKind, 'default', name)
    if (!found) throw new Error(`there is no deployment ${name}`)
    return found
  }

  pods(): Pod[] {
    return [...this.cache.list<Pod>(podKind, 'default')]
  }

  replicaSets(): ReplicaSet[] {
    return [...this.cache.list<ReplicaSet>(replicaSetKind, 'default')]
  }

  node(name: string): Node {
    const found = this.cache.get<Node>(nodeKind, undefined, name)
    if (!found) throw new Error(`there is no node ${name}`)
    return found
  }

  /** Names of the pods that may get traffic of a service. */
  endpoints(service = 'web'): string[] {
    return this.cache
      .list<EndpointSlice>(endpointSliceKind, 'default')
      .filter(slice => slice.metadata.labels?.['kubernetes.io/service-name'] === service)
      .flatMap(slice => slice.endpoints.filter(endpoint => endpoint.conditions?.ready))
      .map(endpoint => endpoint.targetRef?.name ?? '')
      .sort()
  }

  /** Reasons of the events so far. */
  eventReasons(): string[] {
    return this.cache.list<AnyObject>(eventKind).map(event => String(event['reason']))
  }
}

const eventKind = kindOf({ apiVersion: 'v1', kind: 'Event' })

export function makeDeployment(
  name: string,
  replicas: number,
  overrides: Partial<Deployment['spec']> = {},
): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default', labels: { app: name } },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: makeTemplate(name, 'v1'), ...overrides },
  }
}

export function makeTemplate(app: string, version: string): Deployment['spec']['template'] {
  return {
    metadata: { labels: { app } },
    spec: { containers: [{ name: 'main', image: `web:${version}`, ports: [{ name: 'http', containerPort: 8080 }] }] },
  }
}

export function makeService(name: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 'http' }] },
  }
}
