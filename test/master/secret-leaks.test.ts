/** A secret is planted in a master and led along all its ways: then every byte that it has written or said is searched for it. */
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { kinds } from '../../contract/resources/kinds.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { ApiRequest } from '../../contract/wire/api.ts'
import { topicsOf } from '../../contract/wire/topics.ts'
import type { Message } from '../../kit/bus/bus.ts'
import { MemoryBroker } from '../../kit/bus/memory-bus.ts'
import { systemClock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import { createLog } from '../../kit/log.ts'
import { systemRandom } from '../../kit/random.ts'
import { type Api, createApi } from '../../master/api/api.ts'
import type { TrustPort } from '../../master/api/room.ts'
import { Publisher } from '../../master/fleet/publisher.ts'
import { Cache } from '../../master/store/cache.ts'
import { NodeUsageBoard } from '../../master/store/node-usage.ts'
import { Objects } from '../../master/store/objects.ts'
import { openSealedStore, type SealedStore } from '../../master/store/sealed-store.ts'
import { eventually } from '../kit/eventually.ts'
import { admitUser, namespace, target } from './api/harness.ts'
import { cluster, makeIdentity, makeNode, makePod } from './fleet/rig.ts'
import { makeDirectory, openLevel } from './store/harness.ts'
import { filesWith, type Planted, plant } from './store/planted.ts'

interface Master {
  directory: string
  store: SealedStore
  objects: Objects
  api: Api
  /** All that it has said but for its answers: log, messages, errors, audit. */
  said: string[]
  messages: Message[]
  stop(): Promise<void>
}

/** A master in one process, with its disk, its log at its most talkative, and a listener who hears all that the master may. */
async function startMaster(t: ExecutionContext): Promise<Master> {
  const [directory, said, messages]: [string, string[], Message[]] = [await makeDirectory(t), [], []]
  const log = createLog({ level: 'debug', write: line => said.push(line) })
  const broker = new MemoryBroker({ log })
  await broker.connect('listener').subscribe('#', message => messages.push(message))
  const engine = await openLevel(t, { directory: join(directory, 'store'), log })
  const keysPath = join(directory, 'pki', 'secrets.keys')
  const store = await openSealedStore({ store: engine, keysPath, clock: systemClock, log })
  const parts = { store, clock: systemClock, random: systemRandom, log }
  const objects = new Objects(parts)
  const cache = new Cache(parts)
  await cache.start()
  const fixed = { cluster: 'home', version: '0', serviceCIDR: '10.96.0.0/16', nodeUsage: new NodeUsageBoard() }
  const counters = () => ({})
  const audit = { record: (entry: object) => void said.push(JSON.stringify(entry)) }
  const trust = { rotateSecretsKey: () => store.rotateSecretsKey() } as TrustPort
  const api = createApi({ ...parts, ...fixed, objects, cache, trust, audit, counters })
  const bus = broker.connect('master')
  const topics = topicsOf('home')
  const publisher = new Publisher({ ...parts, bus, topics, cache, epoch: 1, cluster, brokerRemembers: false })
  await publisher.start()
  const stop = async (): Promise<void> => {
    await publisher.stop()
    await cache.stop()
    await store.close()
  }
  t.teardown(stop)
  await admitUser(objects, 'alice', ['system:masters'])
  return { directory, store, objects, api, said, messages, stop }
}

/** What it refuses goes where errors go: to the log, with its causes, and to the client. */
async function ask({ api, said }: Master, request: ApiRequest): Promise<boolean> {
  const context = { identity: { kind: 'user', name: 'alice' } as const, signal: new AbortController().signal }
  try {
    await api.handle(request, context)
    return true
  } catch (error) {
    createLog({ level: 'debug', write: line => said.push(line) }).error('refused', { error })
    said.push(error instanceof CodedError ? JSON.stringify(error.problems) : String(error))
    return false
  }
}

const at = target('secrets', 'password')
const encode = (text: string): string => Buffer.from(text).toString('base64')

function makeSecret(fields: object): AnyObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'password', namespace: 'default' }, ...fields }
}

/** Requests that are right, in the order of a Secret's life. */
function lifeOf(value: string): ApiRequest[] {
  return [
    { verb: 'apply', target: at, object: makeSecret({ stringData: { value } }) },
    { verb: 'apply', target: at, object: makeSecret({ stringData: { value, more: `${value}!` } }) },
    { verb: 'patch', target: at, patchType: 'merge', patch: { stringData: { third: value } } },
    {
      verb: 'patch',
      target: at,
      patchType: 'json',
      patch: [{ op: 'add', path: '/data/fourth', value: encode(value) }],
    },
    { verb: 'get', target: at },
    { verb: 'list', target: target('secrets') },
    { verb: 'rotate' },
  ]
}

/** Requests that are wrong, each in a way that could have the value repeated. */
function slipsWith(value: string): ApiRequest[] {
  const create = (object: AnyObject): ApiRequest => ({ verb: 'create', target: target('secrets'), object })
  const tls = 'kubernetes.io/dockerconfigjson'
  return [
    create(makeSecret({ data: { value } })),
    create(makeSecret({ data: value })),
    create(makeSecret({ stringData: [value] })),
    create(makeSecret({ stringData: { value: [value] } })),
    create(makeSecret({ type: tls, stringData: { '.dockerconfigjson': value } })),
    create(makeSecret({ stringData: { value: value.repeat(20_000) } })),
    create(makeSecret({ stringData: { value } })),
    { verb: 'update', target: at, object: makeSecret({ type: 'other', stringData: { value } }) },
    { verb: 'patch', target: at, patchType: 'merge', patch: { data: { value } } },
    { verb: 'patch', target: at, patchType: 'merge', patch: { data: value } },
    { verb: 'patch', target: at, patchType: 'json', patch: [{ op: 'test', path: '/data/value', value }] },
    { verb: 'patch', target: at, patchType: 'json', patch: [{ op: 'test', path: '/data/value', value: 'guess' }] },
    { verb: 'patch', target: at, patchType: 'json', patch: value },
  ]
}

async function startReader({ objects, messages }: Master, shown: string): Promise<void> {
  const pod = makePod('reader', 'board-1')
  await objects.create(makeIdentity('board-1').identity)
  await objects.create(makeNode('board-1', '10.244.1.0/24'))
  await objects.create({ ...pod, spec: { ...pod.spec, volumes: [{ name: 'a', secret: { secretName: 'password' } }] } })
  await objects.create(namespace('default'))
  // In the open, so that the searches can be seen to find: a ConfigMap is no place for this.
  const metadata = { name: 'open', namespace: 'kube-system' }
  await objects.create({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data: { open: shown },
  } as AnyObject)
  await eventually('the wish', () => messages.some(({ payload }) => payload.includes('"reader"')))
}

function searchSaid({ said, messages }: Master, { spellings }: Planted): string[] {
  const found = said.filter(line => spellings.some(spelling => line.includes(spelling)))
  const heard = messages.filter(({ payload, topic }) =>
    spellings.some(spelling => payload.includes(spelling) || topic.includes(spelling)),
  )
  return [...found, ...heard.map(({ topic }) => topic)]
}

test('no file, message, log, error, audit entry or other object of a master holds a byte of a Secret in any spelling', async t => {
  const master = await startMaster(t)
  const [planted, shown] = [plant(), plant()]
  await startReader(master, shown.value)
  for (const request of lifeOf(planted.value)) t.true(await ask(master, request), request.verb)
  const isSealed = ({ payload }: Message): boolean => payload.includes('"sealed":"')
  await eventually('the secret on its way', () => master.messages.some(isSealed))
  for (const request of slipsWith(planted.value))
    t.false(await ask(master, request), JSON.stringify(request).slice(0, 200))
  const { object } = (await master.api.handle(
    { verb: 'get', target: at },
    { identity: { kind: 'user', name: 'alice' }, signal: new AbortController().signal },
  )) as { object: AnyObject }
  const stored = { value: planted.value, more: `${planted.value}!`, third: planted.value, fourth: planted.value }
  t.deepEqual(
    object['data'],
    Object.fromEntries(Object.entries(stored).map(([name, text]) => [name, encode(text)])),
    'whoever may read it gets it whole',
  )
  const others = kinds.filter(kind => kind.kind !== 'Secret' && !kind.virtual)
  const lists = await Promise.all(others.map(kind => master.objects.list(kind)))
  t.false(planted.spellings.some(spelling => JSON.stringify(lists).includes(spelling)))
  t.deepEqual(await filesWith(master.directory, ...planted.spellings), [])
  t.true(await ask(master, { verb: 'delete', target: at }))
  await master.stop()
  t.deepEqual(await filesWith(master.directory, ...planted.spellings), [])
  t.deepEqual(searchSaid(master, planted), [])
  t.true(
    master.said.some(line => line.includes('"resource":"secrets"')),
    'the audit was there',
  )
  t.true(
    master.said.some(line => line.includes('must be text in base64, not plain text')),
    'the refusals were there',
  )
  t.true((await filesWith(master.directory, ...shown.spellings)).length > 0, 'the search finds what is there')
})
