import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { BoardWish, NetworkTable } from '../../../agent/desired/desired.ts'
import { Inbox } from '../../../agent/desired/inbox.ts'
import type { PodWish } from '../../../contract/wire/fleet.ts'
import { topicsOf } from '../../../contract/wire/topics.ts'
import { BadMessages } from '../../../kit/bus/bad-messages.ts'
import { documentTopic, indexTopic } from '../../../kit/bus/collection.ts'
import { CollectionPublisher } from '../../../kit/bus/collection-publisher.ts'
import { MemoryBroker } from '../../../kit/bus/memory-bus.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { spec, wishOf } from '../reconcile/fixtures.ts'

const topics = topicsOf('home')
const prefix = topics.nodeWish('board-1')

interface Taken {
  inbox: Inbox
  wishes: BoardWish[]
  tables: NetworkTable[]
  bad: BadMessages
  /** Lets what was published arrive, and what is to be cached reach the disk. */
  settle(): Promise<void>
}

interface Scene {
  broker: MemoryBroker
  directory: string
  clock: FakeClock
  publisher(epoch?: number, generation?: number): CollectionPublisher
  open(broker?: MemoryBroker): Promise<Taken>
  /** Which file the cache is: another one after each write. */
  version(): Promise<string>
}

async function setScene(t: ExecutionContext): Promise<Scene> {
  const directory = await mkdtemp(join(tmpdir(), 'fi-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const [broker, clock] = [new MemoryBroker(), new FakeClock()]
  const count = { clients: 0 }
  const connect = (to: MemoryBroker) => to.connect(`client-${count.clients++}`)
  return {
    ...{ broker, directory, clock },
    publisher: (epoch = 1, generation = 0) =>
      new CollectionPublisher({ bus: connect(broker), prefix, epoch, generation, log: silentLog }),
    open: to => openInbox(connect(to ?? broker), directory, clock),
    async version() {
      const { ino, mtimeNs } = await stat(join(directory, 'wish.json'), { bigint: true })
      return `${ino} ${mtimeNs}`
    },
  }
}

async function openInbox(
  bus: ReturnType<MemoryBroker['connect']>,
  directory: string,
  clock: FakeClock,
): Promise<Taken> {
  const bad = new BadMessages(silentLog)
  const [wishes, tables]: [BoardWish[], NetworkTable[]] = [[], []]
  const inbox = new Inbox({
    ...{ bus, topics, nodeName: 'board-1', directory, clock, log: silentLog, badMessages: bad },
    onWish: wish => wishes.push(wish),
    onNetwork: table => tables.push(table),
  })
  await inbox.start()
  const settle = async (): Promise<void> => {
    await clock.advance(1000)
    // Stopping a cache flushes it: the only moment that is told.
    await inbox.stop()
  }
  await clock.advance(0)
  return { inbox, wishes, tables, bad, settle }
}

const pod = (name: string, image = 'web:1'): PodWish =>
  wishOf([spec('main', { image })], { metadata: { name, uid: `uid-${name}` } })
const documents = (...pods: PodWish[]): Map<string, unknown> =>
  new Map(pods.map(one => [`pods/default/${one.metadata.name}`, one]))
const uids = (wish: BoardWish | undefined): string[] => [...(wish?.pods.keys() ?? [])]

test('what is published is taken, the newest last', async t => {
  const { publisher, open, clock } = await setScene(t)
  const master = publisher()
  await master.publish(documents(pod('a')))
  const { wishes } = await open()
  await master.publish(documents(pod('a'), pod('b')))
  await clock.advance(0)
  t.deepEqual(wishes.map(uids), [['uid-a'], ['uid-a', 'uid-b']])
  t.like(wishes[1], { epoch: 1, generation: 2 })
})

test('each document comes to its place', async t => {
  const { publisher, open, broker } = await setScene(t)
  const node = {
    name: 'board-1',
    podCIDR: '10.244.1.0/24',
    clusterCIDR: '10.244.0.0/16',
    serviceCIDR: '10.96.0.0/12',
    profile: 'lan',
  }
  const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { A: '1' } }
  const sealed = { metadata: { namespace: 'default', name: 'db', uid: 'u', resourceVersion: '7' }, sealed: 'a.b.c.d.e' }
  const own = new Map<string, unknown>([
    ['node', node],
    ['configmaps/default/settings', settings],
    ['secrets/default/db', sealed],
    ['later/kind', 1],
  ])
  await publisher().publish(own)
  const table = new CollectionPublisher({
    bus: broker.connect('master'),
    prefix: topics.network,
    epoch: 1,
    log: silentLog,
  })
  const route = { name: 'board-2', address: '192.168.0.2', podCIDR: '10.244.2.0/24' }
  const service = { namespace: 'default', name: 'web', sessionAffinity: 'None', ports: [] }
  await table.publish(
    new Map<string, unknown>([
      ['nodes/board-2', route],
      ['services/default/web', service],
    ]),
  )
  const { wishes, tables } = await open()
  t.deepEqual(wishes[0]?.node, node as never)
  t.deepEqual([...(wishes[0]?.configMaps ?? [])], [['default/settings', settings as never]])
  t.deepEqual([...(wishes[0]?.secrets ?? [])], [['default/db', sealed]])
  t.deepEqual(tables, [{ nodes: [route], services: [service] }] as never)
})

test('a board that boots without its master runs what it ran', async t => {
  const { publisher, open } = await setScene(t)
  await publisher(3).publish(documents(pod('a')))
  const first = await open()
  await first.settle()
  const { wishes } = await open(new MemoryBroker())
  t.deepEqual(wishes, first.wishes)
  t.like(wishes[0], { epoch: 3, generation: 1 })
})

test('after a boot the cache speaks first, then the master; what both say is said once', async t => {
  const { publisher, open, clock } = await setScene(t)
  const master = publisher()
  await master.publish(documents(pod('a')))
  await (await open()).settle()
  const { wishes } = await open()
  t.deepEqual(wishes.map(uids), [['uid-a']])
  await master.publish(documents(pod('b')))
  await clock.advance(0)
  t.deepEqual(wishes.map(uids), [['uid-a'], ['uid-b']])
})

test('the wish of an older epoch is ignored, whatever its generation, also after a boot', async t => {
  const { publisher, open, broker, clock } = await setScene(t)
  await publisher(2).publish(documents(pod('new')))
  const first = await open()
  const old = publisher(1, 100)
  await old.publish(documents(pod('old')))
  await clock.advance(0)
  t.deepEqual(first.wishes.map(uids), [['uid-new']])
  await first.settle()
  broker.clearRetained()
  await old.publish(documents(pod('older')))
  t.deepEqual((await open()).wishes.map(uids), [['uid-new']])
})

test('a new epoch is remembered even if it wishes the same', async t => {
  const { publisher, open, broker } = await setScene(t)
  await publisher(1).publish(documents(pod('a')))
  await (await open()).settle()
  broker.clearRetained()
  await publisher(2).publish(documents(pod('a')))
  await (await open()).settle()
  broker.clearRetained()
  await publisher(1, 100).publish(documents(pod('old')))
  const { wishes } = await open()
  t.deepEqual(wishes.map(uids), [['uid-a']])
  t.is(wishes[0]?.epoch, 2)
})

test('equal content costs the card no write; other content one, whole or not at all', async t => {
  const { publisher, open, version, directory } = await setScene(t)
  await publisher(1, 0).publish(documents(pod('a')))
  await (await open()).settle()
  const first = await version()
  await publisher(1, 5).publish(documents(pod('a')))
  const again = await open()
  await again.settle()
  t.is(again.wishes.at(-1)?.generation, 6, 'it was news')
  t.is(await version(), first, 'and no write')
  await publisher(1, 10).publish(documents(pod('a', 'web:2')))
  await (await open()).settle()
  t.not(await version(), first)
  t.deepEqual(await readdir(directory), ['wish.json'])
})

test('changes that come close together are written once, and the last one stays', async t => {
  const { publisher, open, clock, version, directory } = await setScene(t)
  const master = publisher()
  await master.publish(documents(pod('a')))
  const taken = await open()
  for (const name of ['b', 'c', 'd']) {
    await master.publish(documents(pod(name)))
    await clock.advance(1)
  }
  t.is(taken.wishes.length, 4)
  await t.throwsAsync(version(), { code: 'ENOENT' }, 'nothing is written yet')
  await taken.settle()
  t.deepEqual(Object.keys(JSON.parse(await readFile(join(directory, 'wish.json'), 'utf8')).documents), [
    'pods/default/d',
  ])
})

const rotten = (change: (stored: Record<string, unknown>) => unknown) => (text: string) =>
  JSON.stringify(change(JSON.parse(text)))
for (const [title, damage] of [
  ['nothing', () => ''],
  ['zeros, as after a power cut', (text: string) => '\0'.repeat(text.length)],
  ['half of it', (text: string) => text.slice(0, text.length / 2)],
  ['null', () => 'null'],
  ['no documents', rotten(({ documents: _, ...rest }) => rest)],
  ['no epoch', rotten(stored => ({ ...stored, epoch: undefined }))],
  ['another version', rotten(stored => ({ ...stored, version: 99 }))],
  ['a letter that turned', (text: string) => text.replace('web:1', 'wec:1')],
  ['a pod less', rotten(stored => ({ ...stored, documents: {} }))],
] as Array<[string, (text: string) => string]>) {
  test(`a cache that holds ${title} is ignored, and written anew`, async t => {
    const { publisher, open, directory } = await setScene(t)
    await publisher().publish(documents(pod('a')))
    await (await open()).settle()
    const path = join(directory, 'wish.json')
    const whole = await readFile(path, 'utf8')
    await writeFile(path, damage(whole))
    t.deepEqual((await open(new MemoryBroker())).wishes, [])
    const { wishes, settle } = await open()
    t.deepEqual(wishes.map(uids), [['uid-a']])
    await settle()
    t.is(await readFile(path, 'utf8'), whole)
  })
}

test('a directory that cannot be written to costs the cache, not the wish', async t => {
  const { publisher, open, directory } = await setScene(t)
  await mkdir(join(directory, 'wish.json.part'))
  await publisher().publish(documents(pod('a')))
  const { wishes, settle } = await open()
  await t.notThrowsAsync(settle())
  t.deepEqual(wishes.map(uids), [['uid-a']])
})

test('garbage on the topics is counted and dropped, and the wish stays', async t => {
  const { publisher, open, broker, clock } = await setScene(t)
  const master = publisher()
  await master.publish(documents(pod('a')))
  const { wishes, bad } = await open()
  const anybody = broker.connect('anybody')
  for (const garbage of ['{', 'null', '[]', '{"epoch":"x"}', '\0\0', 'x'.repeat(5 * 2 ** 20)]) {
    await anybody.publish(indexTopic(prefix), garbage)
    await anybody.publish(documentTopic(prefix, '0'.repeat(24)), garbage)
  }
  await clock.advance(0)
  t.is(bad.counts()['collection index'], 6)
  t.deepEqual(wishes.map(uids), [['uid-a']])
  await master.publish(documents(pod('b')))
  await clock.advance(0)
  t.deepEqual(uids(wishes.at(-1)), ['uid-b'])
})

const whole = pod('x')
for (const [title, name, document] of [
  ['a pod that is null', 'pods/default/x', null],
  ['a pod that is a text', 'pods/default/x', 'pod'],
  ['a pod without metadata', 'pods/default/x', { ...whole, metadata: undefined }],
  ['a pod without uid', 'pods/default/x', { ...whole, metadata: { name: 'x', namespace: 'default' } }],
  ['a pod whose uid is a path', 'pods/default/x', { ...whole, metadata: { ...whole.metadata, uid: '../..' } }],
  ['a pod without containers', 'pods/default/x', { ...whole, spec: {} }],
  ['a container without image', 'pods/default/x', { ...whole, spec: { containers: [{ name: 'main' }] } }],
  ['a ConfigMap that is a list', 'configmaps/default/x', []],
  ['a Secret that is not sealed', 'secrets/default/x', { metadata: { uid: 'u', resourceVersion: '1' }, data: {} }],
  ['a Secret without a version', 'secrets/default/x', { metadata: {}, sealed: 'a.b.c.d.e' }],
  ['a node without addresses', 'node', { name: 'board-1' }],
] as Array<[string, string, unknown]>) {
  test(`a wish with ${title} is left whole: counted, not taken, not cached`, async t => {
    const { publisher, open, clock, directory } = await setScene(t)
    const master = publisher()
    await master.publish(documents(pod('a')))
    const { wishes, bad, settle } = await open()
    await master.publish(new Map<string, unknown>([[name, document]]))
    await clock.advance(0)
    t.deepEqual(wishes.map(uids), [['uid-a']])
    t.deepEqual(bad.counts(), { 'wish documents': 1 })
    await settle()
    t.true((await readFile(join(directory, 'wish.json'), 'utf8')).includes('uid-a'))
  })
}

test('a service table with a service that has no ports is left whole', async t => {
  const { open, broker } = await setScene(t)
  const table = new CollectionPublisher({
    bus: broker.connect('master'),
    prefix: topics.network,
    epoch: 1,
    log: silentLog,
  })
  await table.publish(new Map([['services/default/web', { namespace: 'default', name: 'web' }]]))
  const { tables, bad } = await open()
  t.deepEqual(tables, [])
  t.deepEqual(bad.counts(), { 'network documents': 1 })
})
