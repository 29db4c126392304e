import test from 'ava'
import { MemoryBroker, type MemoryBus } from '../../../kit/bus/memory-bus.ts'
import { testBusContract } from './bus-contract.ts'

testBusContract(async () => {
  const broker = new MemoryBroker()
  const clients = new Map<string, MemoryBus>()
  return {
    connect: async (clientId, will) => {
      const client = broker.connect(clientId, will)
      clients.set(clientId, client)
      return client
    },
    cut: clientId => clients.get(clientId)?.cut(),
    mend: clientId => clients.get(clientId)?.mend(),
    close: async () => undefined,
  }
})

test('a second client of the same name takes over, and the first one leaves its will', async t => {
  const broker = new MemoryBroker()
  const first = broker.connect('twin', { topic: 'gone', payload: 'first' })
  const second = broker.connect('twin')
  t.false(first.connected)
  t.true(second.connected)
  t.deepEqual(broker.retainedTopics(), ['gone'])
})

test('what was on its way when the connection broke does not arrive in the next one', async t => {
  const broker = new MemoryBroker()
  const client = broker.connect('alice')
  const seen: string[] = []
  await client.subscribe('a', message => seen.push(String(message.payload)))
  void client.publish('a', 'lost')
  client.cut()
  client.mend()
  await client.publish('a', 'arrives')
  t.deepEqual(seen, ['arrives'])
})

test('a broker that has lost its memory has nothing for later subscribers', async t => {
  const broker = new MemoryBroker()
  const client = broker.connect('alice')
  await client.publish('a', 'x', { retain: true })
  broker.clearRetained()
  const seen: string[] = []
  await client.subscribe('a', message => seen.push(message.topic))
  await Promise.resolve()
  t.deepEqual(seen, [])
})
