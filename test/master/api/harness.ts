/** An API over a store in memory, and a small cluster to ask it about. */
import type { ExecutionContext } from 'ava'
import { kinds } from '../../../contract/resources/kinds.ts'
import type { AnyObject, KubernetesObject } from '../../../contract/resources/meta.ts'
import type { ApiRequest, Outcome, Target, WatchFrame } from '../../../contract/wire/api.ts'
import { type Identity, usernameOf } from '../../../contract/wire/identity.ts'
import { systemClock } from '../../../kit/clock.ts'
import { hasCode } from '../../../kit/errors.ts'
import { silentLog } from '../../../kit/log.ts'
import { seededRandom } from '../../../kit/random.ts'
import { type Api, createApi } from '../../../master/api/api.ts'
import type { Answer, RequestOf, TrustPort } from '../../../master/api/room.ts'
import type { AuditSink } from '../../../master/audit/audit-entry.ts'
import { Cache } from '../../../master/store/cache.ts'
import { MemoryStore } from '../../../master/store/memory-store.ts'
import { NodeUsageBoard } from '../../../master/store/node-usage.ts'
import { Objects } from '../../../master/store/objects.ts'
import type { Store } from '../../../master/store/store.ts'

export interface Harness {
  api: Api
  store: Store
  objects: Objects
  nodeUsage: NodeUsageBoard
  ask(request: ApiRequest, signal?: AbortSignal): Promise<Answer>
  /** The object in the answer. */
  write(request: RequestOf<'create' | 'update' | 'patch' | 'apply' | 'delete' | 'get'>): Promise<Written>
  apply(object: object, more?: Partial<RequestOf<'apply'>>): Promise<Written>
  create(object: object): Promise<Written>
  get(resource: string, name: string): Promise<AnyObject>
  names(request: Partial<RequestOf<'list'>> & { resource: string }): Promise<string[]>
  frames(request: Partial<RequestOf<'watch'>> & { resource: string }): FrameReader
}

const identity = { kind: 'user', name: 'test' } satisfies Identity

/** They may do everything: whom the door, the CLI and these tests ask for. */
const users = [identity.name, 'alice', 'admin']

/** Says what it was asked. */
const trust: TrustPort = {
  certify: async (of, csr) => ({
    certificate: `certificate of ${usernameOf(of)} for ${csr}`,
    ca: 'ca',
    time: '2026-01-01T00:00:00Z',
  }),
  mint: async (of, options) => ({ token: `token of ${usernameOf(of)}`, expirationTimestamp: JSON.stringify(options) }),
  invitation: () => ({ cluster: 'home', addresses: ['board-1:8883'], caFingerprint: '0'.repeat(64) }),
  rotateSecretsKey: async () => 7,
}

export interface Written {
  object: AnyObject
  warnings?: string[]
  outcome?: Outcome
}

export interface FrameReader {
  /** The next so many, without bookmarks, as `ADDED web`. */
  take(count: number): Promise<string[]>
  next(): Promise<WatchFrame>
}

export interface HarnessOptions {
  store?: Store
  serviceCIDR?: string
  audit?: AuditSink
}

export async function createHarness(t: ExecutionContext, options: HarnessOptions = {}): Promise<Harness> {
  const random = seededRandom(1)
  const store = options.store ?? new MemoryStore()
  const objects = new Objects({ store, clock: systemClock, random })
  const cache = new Cache({ store, log: silentLog, freeze: true })
  const nodeUsage = new NodeUsageBoard()
  await cache.start()
  const { serviceCIDR = '10.96.0.0/16', audit } = options
  const fixed = {
    cluster: 'home',
    version: '0.0.0',
    serviceCIDR,
    counters: () => ({ 'broker.clients': 3 }),
    ...(audit && { audit }),
  }
  const api = createApi({ objects, store, cache, nodeUsage, trust, clock: systemClock, random, ...fixed })
  const ends = new AbortController()
  t.teardown(async () => {
    ends.abort()
    await cache.stop()
    await store.close()
  })
  const ask: Harness['ask'] = (request, signal = ends.signal) => api.handle(request, { identity, signal })
  const write: Harness['write'] = async request => (await ask(request)) as Written
  for (const name of users) await admitUser(objects, name, ['system:masters'])
  // Applied: a harness over a disk finds the one of before.
  await write({ verb: 'apply', target: target('namespaces'), object: namespace('default') })
  return {
    api,
    store,
    objects,
    nodeUsage,
    ask,
    write,
    apply: (object, more) => write({ verb: 'apply', target: targetFor(object), object: object as AnyObject, ...more }),
    create: object => write({ verb: 'create', target: targetFor(object), object: object as AnyObject }),
    get: async (resource, name) => (await write({ verb: 'get', target: target(resource, name) })).object,
    async names({ resource, ...request }) {
      const answer = await ask({ verb: 'list', target: target(resource), ...request })
      return 'list' in answer ? answer.list.items.map(item => item.metadata.name) : []
    },
    frames: ({ resource, ...request }) =>
      readFrames(ask({ verb: 'watch', target: target(resource), ...request }, ends.signal)),
  }
}

/** Somebody who may ask; one that is there already stays as it is. */
export async function admitUser(objects: Objects, name: string, groups: string[] = []): Promise<void> {
  const user = { apiVersion: 'flotilla.dev/v1', kind: 'User', metadata: { name }, spec: { groups } }
  await objects.create(user).catch(error => {
    if (!hasCode(error, 'AlreadyExists')) throw error
  })
}

export function target(resource: string, name?: string, namespace = 'default'): Target {
  const kind = kinds.find(row => row.plural === resource)
  const place = kind?.namespaced ? { namespace } : {}
  return { resource, group: kind?.group ?? '', ...place, ...(name !== undefined && { name }) }
}

export function namespace(name: string): AnyObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}

export function configMap(name: string, more: { data?: object; labels?: object } = {}): AnyObject {
  const { data = { a: '1' }, labels } = more
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...(labels && { labels }) }, data } as AnyObject
}

export function service(name: string, spec: object = {}): AnyObject {
  const ports = [{ port: 80 }]
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: name }, ports, ...spec } }
}

export function deployment(name: string, image = 'web:1'): AnyObject {
  const labels = { app: name }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image }] } }
  const spec = { replicas: 2, selector: { matchLabels: labels }, template }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, labels }, spec }
}

export function pod(name: string, more: object = {}): AnyObject {
  const spec = { containers: [{ name: 'web', image: 'web:1' }], ...more }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec }
}

function targetFor(object: object): Target {
  const { kind: word } = object as KubernetesObject
  const kind = kinds.find(row => row.kind === word)
  return target(kind?.plural ?? word)
}

function readFrames(answer: Promise<Answer>): FrameReader {
  const opened = answer.then(found => {
    if (!('frames' in found)) throw new Error('no frames')
    return found.frames[Symbol.asyncIterator]()
  })
  const next = async (): Promise<WatchFrame> => {
    const turn = await (await opened).next()
    if (turn.done) throw new Error('the watch has ended')
    return turn.value
  }
  return {
    next,
    async take(count) {
      const taken: string[] = []
      while (taken.length < count) {
        const frame = await next()
        if ('object' in frame) taken.push(`${frame.type} ${frame.object.metadata.name}`)
        else if (frame.type === 'ERROR') taken.push(`ERROR ${frame.error.code}`)
      }
      return taken
    },
  }
}
