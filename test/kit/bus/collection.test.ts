import test from 'ava'
import fc from 'fast-check'
import type { Bus, Message } from '../../../kit/bus/bus.ts'
import { canonicalJson, hashDocuments, hashOfHashes, type Snapshot } from '../../../kit/bus/collection.ts'
import { CollectionPublisher } from '../../../kit/bus/collection-publisher.ts'
import { CollectionSubscriber } from '../../../kit/bus/collection-subscriber.ts'
import { MemoryBroker } from '../../../kit/bus/memory-bus.ts'
import { silentLog } from '../../../kit/log.ts'
import { seededRandom } from '../../../kit/random.ts'

const prefix = 'c'
const log = silentLog

function documents(values: Record<string, unknown>): Map<string, unknown> {
  return new Map(Object.entries(values))
}

function publisherOn(bus: Bus, epoch = 1, generation = 0): CollectionPublisher {
  return new CollectionPublisher({ bus, prefix, epoch, generation, log })
}

async function subscriberOn(
  bus: Bus,
  initial?: Snapshot,
): Promise<{ subscriber: CollectionSubscriber; got: Snapshot[] }> {
  const got: Snapshot[] = []
  const onComplete = (snapshot: Snapshot): void => void got.push(snapshot)
  const subscriber = new CollectionSubscriber({ bus, prefix, log, onComplete, ...(initial && { initial }) })
  await subscriber.start()
  return { subscriber, got }
}

/** What went over the wire, by topic. */
async function spy(bus: Bus): Promise<Message[]> {
  const seen: Message[] = []
  await bus.subscribe(`${prefix}/#`, message => seen.push(message))
  await settle()
  seen.length = 0
  return seen
}

const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

test('a subscriber gets the whole state, then each newer one', async t => {
  const broker = new MemoryBroker()
  const publisher = publisherOn(broker.connect('master'))
  await publisher.publish(documents({ a: { x: 1 }, b: [2] }))
  const { got } = await subscriberOn(broker.connect('agent'))
  await settle()
  await publisher.publish(documents({ b: [2], c: 'three' }))
  await settle()
  t.deepEqual(
    got.map(({ epoch, generation, documents: map }) => ({ epoch, generation, map: Object.fromEntries(map) })),
    [
      { epoch: 1, generation: 1, map: { a: { x: 1 }, b: [2] } },
      { epoch: 1, generation: 2, map: { b: [2], c: 'three' } },
    ],
  )
})

test('an empty collection is a state too', async t => {
  const broker = new MemoryBroker()
  await publisherOn(broker.connect('master')).publish(new Map())
  const { got } = await subscriberOn(broker.connect('agent'))
  await settle()
  t.is(got.length, 1)
  t.is(got[0]?.documents.size, 0)
})

test('publishing the same again sends nothing; a change sends itself, the index and a removal', async t => {
  const broker = new MemoryBroker()
  const publisher = publisherOn(broker.connect('master'))
  const many = Object.fromEntries(
    Array.from({ length: 50 }, (_, index) => [`doc-${index}`, { index, pad: 'x'.repeat(500) }]),
  )
  await publisher.publish(documents(many))
  const seen = await spy(broker.connect('spy'))
  await publisher.publish(documents({ ...many }))
  await settle()
  t.is(seen.length, 0)
  await publisher.publish(documents({ ...many, 'doc-7': { changed: true } }))
  await settle()
  t.deepEqual(
    seen.map(({ topic, payload }) => [topic.split('/')[1], payload.length > 0]),
    [
      ['docs', true],
      ['index', true],
      ['docs', false],
    ],
  )
})

test('the broker holds exactly the index and the documents that it names', async t => {
  const broker = new MemoryBroker()
  const publisher = publisherOn(broker.connect('master'))
  await publisher.publish(documents({ a: 1, b: 2, twin: 2 }))
  t.is(broker.retainedTopics().length, 3)
  await publisher.publish(documents({ a: 1 }))
  t.is(broker.retainedTopics().length, 2)
  await publisher.remove()
  t.deepEqual(broker.retainedTopics(), [])
})

test('a subscriber with a cache fetches only what it lacks', async t => {
  const broker = new MemoryBroker()
  const publisher = publisherOn(broker.connect('master'))
  await publisher.publish(documents({ a: 1, b: 2 }))
  const first = await subscriberOn(broker.connect('agent'))
  await settle()
  first.subscriber.stop()
  await publisher.publish(documents({ a: 1, b: 3 }))
  const agent = broker.connect('agent')
  const filters: string[] = []
  const { subscribe } = agent
  agent.subscribe = (filter, handler) => {
    filters.push(filter)
    return subscribe.call(agent, filter, handler)
  }
  const { got } = await subscriberOn(agent, first.got[0])
  await settle()
  t.deepEqual(Object.fromEntries(got[0]?.documents ?? []), { a: 1, b: 3 })
  t.is(filters.length, 2, 'the index, and one document')
})

test('a damaged cache is fetched anew', async t => {
  const broker = new MemoryBroker()
  const publisher = publisherOn(broker.connect('master'))
  await publisher.publish(documents({ a: 1 }))
  const first = await subscriberOn(broker.connect('agent'))
  await settle()
  const damaged = { ...first.got[0]!, documents: documents({ a: 'flipped bit' }) }
  const { got } = await subscriberOn(broker.connect('agent'), damaged)
  await settle()
  t.deepEqual(got[0]?.documents.get('a'), 1)
})

test('an older master is ignored and counted; a newer epoch wins with any generation', async t => {
  const broker = new MemoryBroker()
  const { got, subscriber } = await subscriberOn(broker.connect('agent'))
  await publisherOn(broker.connect('old'), 1, 500).publish(documents({ from: 'old' }))
  await settle()
  await publisherOn(broker.connect('new'), 2, 0).publish(documents({ from: 'new' }))
  await settle()
  await publisherOn(broker.connect('old-again'), 1, 900).publish(documents({ from: 'old again' }))
  await settle()
  t.deepEqual(
    got.map(snapshot => snapshot.documents.get('from')),
    ['old', 'new'],
  )
  t.is(subscriber.ignoredOlder, 1)
})

test('a restarted publisher goes on after what it finds, and removes what nobody names any more', async t => {
  const broker = new MemoryBroker()
  const { got } = await subscriberOn(broker.connect('agent'))
  const before = publisherOn(broker.connect('master'))
  for (let round = 1; round <= 5; round++) await before.publish(documents({ round, stale: 'x'.repeat(round) }))
  await settle()
  const after = publisherOn(broker.connect('master'))
  await after.start()
  await settle()
  await after.publish(documents({ round: 6 }))
  await after.settle()
  await settle()
  t.is(got.at(-1)?.documents.get('round'), 6)
  t.is(got.at(-1)?.generation, 6)
  t.is(broker.retainedTopics().length, 2)
})

test('an index of an earlier process that is found late is overtaken', async t => {
  const broker = new MemoryBroker()
  const { got } = await subscriberOn(broker.connect('agent'))
  await publisherOn(broker.connect('master'), 1, 40).publish(documents({ from: 'before' }))
  const after = publisherOn(broker.connect('master'))
  const starting = after.start()
  await after.publish(documents({ from: 'after' }))
  await starting
  await settle()
  t.is(got.at(-1)?.documents.get('from'), 'after')
})

test('a broker that lost its memory gets everything again', async t => {
  const broker = new MemoryBroker()
  const master = broker.connect('master')
  const publisher = publisherOn(master)
  await publisher.publish(documents({ a: 1, b: 2 }))
  broker.clearRetained()
  master.cut()
  await t.throwsAsync(publisher.publish(documents({ a: 1, b: 3 })))
  master.mend()
  await publisher.republish()
  const { got } = await subscriberOn(broker.connect('agent'))
  await settle()
  t.deepEqual(Object.fromEntries(got[0]?.documents ?? []), { a: 1, b: 3 })
})

test('garbage on the topics of a collection changes nothing', async t => {
  const broker = new MemoryBroker()
  const master = broker.connect('master')
  const { got } = await subscriberOn(broker.connect('agent'))
  await publisherOn(master).publish(documents({ a: 1 }))
  await settle()
  const hash = '0'.repeat(24)
  const index = { epoch: 9, generation: 9, documents: { a: hash }, hash }
  for (const bad of ['{', '[]', '7', '{}', JSON.stringify(index), JSON.stringify({ ...index, epoch: -1 }), '\0\xff']) {
    await master.publish('c/index', bad)
  }
  await settle()
  t.is(got.length, 1)
  await publisherOn(master, 1, 7).publish(documents({ a: 2 }))
  await settle()
  t.is(got.at(-1)?.documents.get('a'), 2)
})

test('a document under a hash that is not its own is not taken', async t => {
  const broker = new MemoryBroker()
  const master = broker.connect('master')
  const wanted = documents({ a: 'true' })
  const hashes = hashDocuments(wanted)
  const { got, subscriber } = await subscriberOn(broker.connect('agent'))
  await master.publish(`c/docs/${hashes.get('a')}`, '"false"', { retain: true })
  const index = { epoch: 1, generation: 1, documents: Object.fromEntries(hashes), hash: hashOfHashes(hashes) }
  await master.publish('c/index', JSON.stringify(index), { retain: true })
  await settle()
  t.is(got.length, 0)
  t.is(subscriber.missing, 1)
  await master.publish(`c/docs/${hashes.get('a')}`, '"true"', { retain: true })
  await settle()
  t.is(got[0]?.documents.get('a'), 'true')
})

test('a large state is fetched with one subscription, and survives changes while it is', async t => {
  const broker = new MemoryBroker()
  const publisher = publisherOn(broker.connect('master'))
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`doc-${index}`, { index }]))
  await publisher.publish(documents(many))
  const { got } = await subscriberOn(broker.connect('agent'))
  await publisher.publish(documents({ ...many, extra: 1 }))
  await settle()
  t.is(got.at(-1)?.documents.size, 201)
})

test('canonical JSON does not depend on the order of keys, and keeps every key', t => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      const text = JSON.stringify(value)
      t.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(text))
      t.is(canonicalJson(reversed(JSON.parse(text))), canonicalJson(value))
    }),
  )
})

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  )
}

/** Delivers in any order that keeps those of one client and topic, as a broker may. */
class ShuffledDelivery {
  #lanes = new Map<string, Array<() => void>>()
  #random: () => number

  constructor(seed: number) {
    this.#random = seededRandom(seed).number
  }

  schedule = (deliver: () => void, lane: string): void => {
    this.#lanes.set(lane, [...(this.#lanes.get(lane) ?? []), deliver])
  }

  /** Delivers up to `count` messages. */
  async run(count: number): Promise<void> {
    for (let done = 0; done < count; done++) {
      const lanes = [...this.#lanes].filter(([, waiting]) => waiting.length > 0)
      const lane = lanes[Math.floor(this.#random() * lanes.length)]
      if (!lane) return
      lane[1].shift()?.()
      await settle()
    }
  }
}

test('in any order of delivery, with broken connections, no state is torn and the last one arrives', async t => {
  for (let seed = 1; seed <= 60; seed++) {
    const { number } = seededRandom(seed)
    const wire = new ShuffledDelivery(seed)
    const broker = new MemoryBroker({ schedule: wire.schedule })
    const publisher = publisherOn(broker.connect('master'))
    const agent = broker.connect('agent')
    const { got } = await subscriberOn(agent)
    const published = new Map<number, unknown>()
    for (let round = 0; round < 8; round++) {
      const values: Record<string, unknown> = {}
      for (const name of ['a', 'b', 'c', 'd']) if (number() < 0.7) values[name] = Math.floor(number() * 3)
      await publisher.publish(documents(values))
      published.set(publisher.generation, values)
      await wire.run(Math.floor(number() * 6))
      if (number() < 0.2) agent.cut()
      agent.mend()
    }
    await wire.run(1000)
    for (const { generation, documents: map } of got) {
      t.deepEqual(Object.fromEntries(map), published.get(generation), `seed ${seed}, generation ${generation}`)
    }
    t.is(got.at(-1)?.generation, publisher.generation, `seed ${seed}`)
    t.deepEqual(
      got.map(({ generation }) => generation),
      got.map(({ generation }) => generation).sort((x, y) => x - y),
    )
  }
})
