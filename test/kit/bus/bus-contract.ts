/** What every Bus must do, as macros: run against the fake, the embedded broker and a real Mosquitto. */
import test, { type ExecutionContext, type Macro } from 'ava'
import type { Bus, Message } from '../../../kit/bus/bus.ts'
import { CodedError } from '../../../kit/errors.ts'
import { eventually } from '../eventually.ts'
import type { Harness } from './harness.ts'

type Start = (t: ExecutionContext) => Promise<Harness | undefined>
type Proof = (t: ExecutionContext, harness: Harness) => Promise<void>

/** Declares each test of the contract. `start` makes a fresh broker, or says (undefined) that there is none here. */
export function testBusContract(start: Start): void {
  for (const [title, proof] of Object.entries(proofs)) {
    const macro: Macro<[]> = test.macro(async t => {
      const harness = await start(t)
      if (!harness) return
      try {
        await proof(t, harness)
      } finally {
        await harness.close()
      }
    })
    test(title, macro)
  }
}

/** `topic=payload`, with `!` in front when it was retained. */
function recorder(): { seen: string[]; handler: (message: Message) => void } {
  const seen: string[] = []
  const handler = ({ topic, payload, retained }: Message): void => {
    seen.push(`${retained ? '!' : ''}${topic}=${payload}`)
  }
  return { seen, handler }
}

/** Resolves when everything that was published before has had its turn on the way to `bus`. */
async function flush(bus: Bus): Promise<void> {
  const { seen, handler } = recorder()
  const stop = await bus.subscribe(`flush/${bus.clientId}`, handler)
  await bus.publish(`flush/${bus.clientId}`, 'x')
  await eventually('the flush', () => seen.length > 0)
  stop()
}

const proofs: Record<string, Proof> = {
  'a message reaches those who subscribed, and nobody else': async (t, harness) => {
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const [wanted, other] = [recorder(), recorder()]
    await bob.subscribe('a/b', wanted.handler)
    await bob.subscribe('a/c', other.handler)
    await alice.publish('a/b', 'one')
    await alice.publish('a/b', Buffer.from('two'), { qos: 0 })
    await eventually('both messages', () => wanted.seen.length === 2)
    await flush(bob)
    t.deepEqual(wanted.seen, ['a/b=one', 'a/b=two'])
    t.deepEqual(other.seen, [])
  },

  'wildcards match whole levels': async (t, harness) => {
    const bus = await harness.connect('alice')
    const [plus, hash] = [recorder(), recorder()]
    await bus.subscribe('n/+/x', plus.handler)
    await bus.subscribe('n/1/#', hash.handler)
    for (const topic of ['n/1/x', 'n/2/x', 'n/1/y', 'n/1', 'n/1/x/z', 'n', 'm/1/x']) await bus.publish(topic, '')
    await flush(bus)
    t.deepEqual(plus.seen, ['n/1/x=', 'n/2/x='])
    t.deepEqual(hash.seen, ['n/1/x=', 'n/1/y=', 'n/1=', 'n/1/x/z='])
  },

  'each handler gets a message once, however its filters overlap with others': async (t, harness) => {
    const bus = await harness.connect('alice')
    const recorders = ['a/b', 'a/+', 'a/#', '#', 'a/b'].map(filter => ({ filter, ...recorder() }))
    for (const { filter, handler } of recorders) await bus.subscribe(filter, handler)
    await bus.publish('a/b', '1')
    await bus.publish('a/b', '1')
    await flush(bus)
    for (const { seen } of recorders) {
      t.deepEqual(
        seen.filter(line => line.startsWith('a/')),
        ['a/b=1', 'a/b=1'],
      )
    }
  },

  'a narrow filter goes on after the wide one that covered it is gone': async (t, harness) => {
    const bus = await harness.connect('alice')
    const [narrow, wide] = [recorder(), recorder()]
    await bus.subscribe('a/b', narrow.handler)
    const stopWide = await bus.subscribe('a/#', wide.handler)
    stopWide()
    await flush(bus)
    await bus.publish('a/b', '1')
    await bus.publish('a/c', '1')
    await flush(bus)
    t.deepEqual(narrow.seen, ['a/b=1'])
    t.deepEqual(wide.seen, [])
  },

  'a retained message is kept for later subscribers, flagged for them and not for those who listened': async (
    t,
    harness,
  ) => {
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const [early, late, later] = [recorder(), recorder(), recorder()]
    await bob.subscribe('state/+', early.handler)
    await alice.publish('state/x', 'old', { retain: true })
    await alice.publish('state/x', 'new', { retain: true })
    await eventually('the live messages', () => early.seen.length === 2)
    t.deepEqual(early.seen, ['state/x=old', 'state/x=new'])
    await alice.subscribe('state/x', late.handler)
    await eventually('the retained message', () => late.seen.length === 1)
    t.deepEqual(late.seen, ['!state/x=new'])
    // A second handler on a filter that is subscribed to already gets it as well.
    await alice.subscribe('state/x', later.handler)
    await eventually('the retained message again', () => later.seen.length === 1)
    t.deepEqual(later.seen, ['!state/x=new'])
  },

  'an empty retained message removes what was kept': async (t, harness) => {
    const bus = await harness.connect('alice')
    await bus.publish('state/x', 'there', { retain: true })
    await bus.publish('state/x', '', { retain: true })
    const { seen, handler } = recorder()
    await bus.subscribe('state/x', handler)
    await flush(bus)
    t.deepEqual(seen, [])
  },

  'a handler that has unsubscribed is not called, and its neighbour still is': async (t, harness) => {
    const bus = await harness.connect('alice')
    const [leaving, staying] = [recorder(), recorder()]
    const stop = await bus.subscribe('a', leaving.handler)
    await bus.subscribe('a', staying.handler)
    stop()
    stop()
    await bus.publish('a', '1')
    await flush(bus)
    t.deepEqual(leaving.seen, [])
    t.deepEqual(staying.seen, ['a=1'])
  },

  'the will is published and kept when a connection breaks, not when it is closed': async (t, harness) => {
    const watcher = await harness.connect('watcher')
    const { seen, handler } = recorder()
    await watcher.subscribe('presence/+', handler)
    const polite = await harness.connect('polite', { topic: 'presence/polite', payload: 'gone' })
    await harness.connect('sudden', { topic: 'presence/sudden', payload: 'gone' })
    await polite.close()
    harness.cut('sudden')
    await eventually('the will', () => seen.length > 0)
    await flush(watcher)
    t.deepEqual(seen, ['presence/sudden=gone'])
    const late = recorder()
    await watcher.subscribe('presence/sudden', late.handler)
    await eventually('the retained will', () => late.seen.includes('!presence/sudden=gone'))
  },

  'after a broken connection the subscriptions are renewed before anybody is told': async (t, harness) => {
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const { seen, handler } = recorder()
    await bob.subscribe('a/#', handler)
    const events: string[] = []
    bob.onConnect(() => {
      events.push('connected')
      bob.publish('a/self', 'hello').catch(() => undefined) // The cut below may come before its acknowledgement.
    })
    bob.onDisconnect(() => events.push('disconnected'))
    await eventually('the first hello', () => seen.includes('a/self=hello'))
    harness.cut('bob')
    await eventually('the end', () => !bob.connected)
    await alice.publish('a/missed', 'x')
    await alice.publish('a/kept', 'x', { retain: true })
    harness.mend('bob')
    await eventually('the second hello', () => seen.filter(line => line === 'a/self=hello').length === 2)
    await eventually('the retained message', () => seen.includes('!a/kept=x'))
    t.deepEqual(events, ['connected', 'disconnected', 'connected'])
    t.false(seen.includes('a/missed=x'))
  },

  'what was subscribed to while away counts after the reconnection': async (t, harness) => {
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    harness.cut('bob')
    await eventually('the end', () => !bob.connected)
    const [kept, dropped] = [recorder(), recorder()]
    await bob.subscribe('a/b', kept.handler)
    const stop = await bob.subscribe('a/c', dropped.handler)
    stop()
    harness.mend('bob')
    await eventually('the return', () => bob.connected)
    await alice.publish('a/c', '1')
    await alice.publish('a/b', '1')
    await eventually('the message', () => kept.seen.length === 1)
    t.deepEqual(dropped.seen, [])
  },

  'publishing without a connection is refused, not queued': async (t, harness) => {
    const bus = await harness.connect('alice')
    const { seen, handler } = recorder()
    await bus.subscribe('a', handler)
    harness.cut('alice')
    await eventually('the end', () => !bus.connected)
    const error = await t.throwsAsync(bus.publish('a', '1'), { instanceOf: CodedError })
    t.is(error.code, 'ServiceUnavailable')
    harness.mend('alice')
    await eventually('the return', () => bus.connected)
    await flush(bus)
    t.deepEqual(seen, [])
  },

  'messages of one topic arrive in order, and none is lost': async (t, harness) => {
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const { seen, handler } = recorder()
    await bob.subscribe('a', handler)
    const numbers = Array.from({ length: 500 }, (_, index) => `${index}`)
    await Promise.all(numbers.map(number => alice.publish('a', number)))
    await eventually('all of them', () => seen.length === numbers.length)
    t.deepEqual(
      seen,
      numbers.map(number => `a=${number}`),
    )
  },

  'a handler that throws harms nobody': async (t, harness) => {
    const bus = await harness.connect('alice')
    const { seen, handler } = recorder()
    await bus.subscribe('a', () => {
      throw new Error('broken handler')
    })
    await bus.subscribe('a', handler)
    await bus.publish('a', '1')
    await bus.publish('a', '2')
    await eventually('both', () => seen.length === 2)
    t.true(bus.connected)
    let told = 0
    bus.onDisconnect(() => {
      throw new Error('broken handler')
    })
    bus.onDisconnect(() => told++)
    harness.cut('alice')
    await eventually('the other handler', () => told === 1)
  },

  'a payload of a megabyte of any bytes arrives unchanged': async (t, harness) => {
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const payload = Buffer.from(Array.from({ length: 1024 * 1024 }, (_, index) => (index * 7) % 256))
    const received: Buffer[] = []
    await bob.subscribe('big', message => received.push(message.payload))
    await alice.publish('big', payload)
    await eventually('the payload', () => received.length === 1)
    t.true(received[0]?.equals(payload))
  },

  'topics and filters that MQTT forbids are refused': async (t, harness) => {
    const bus = await harness.connect('alice')
    for (const topic of ['', 'a/+', '#', 'a\0b', 'x'.repeat(2000)]) {
      const error = await t.throwsAsync(bus.publish(topic, ''), { instanceOf: CodedError })
      t.is(error.code, 'BadRequest', topic)
    }
    for (const filter of ['', 'a/#/b', 'a/b+', 'a#', '/'.repeat(40)]) {
      const error = await t.throwsAsync(
        bus.subscribe(filter, () => undefined),
        { instanceOf: CodedError },
      )
      t.is(error.code, 'BadRequest', filter)
    }
  },

  'closing twice is fine, and no handler is called afterwards': async (t, harness) => {
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const { seen, handler } = recorder()
    await bob.subscribe('a', handler)
    await bob.close()
    await bob.close()
    await alice.publish('a', '1')
    await flush(alice)
    t.false(bob.connected)
    t.deepEqual(seen, [])
  },
}
