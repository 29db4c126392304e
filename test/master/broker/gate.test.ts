import { type Duplex, PassThrough } from 'node:stream'
import test from 'ava'
import { FakeClock } from '../../../kit/fake-clock.ts'
import type { Refusal } from '../../../master/broker/broker-events.ts'
import { Refusals } from '../../../master/broker/broker-events.ts'
import { Gate, groupOf, type Visit } from '../../../master/broker/gate.ts'
import { type BrokerLimitsPatch, limitsWith } from '../../../master/broker/limits.ts'
import { TokenBucket } from '../../../master/broker/token-bucket.ts'
import { eventually } from '../../kit/eventually.ts'

function openGate(patch: BrokerLimitsPatch) {
  const clock = new FakeClock()
  const refusals: Refusal[] = []
  const gate = new Gate({ limits: limitsWith(patch), clock, refuse: refusal => void refusals.push(refusal) })
  const knock = (address: string): { socket: Duplex; visit: Visit | undefined } => {
    const socket = new PassThrough()
    return { socket, visit: gate.knock(socket, address) }
  }
  return { clock, gate, knock, refusals }
}

const seldom = { perSecond: 1000, burst: 1000 }

test('an address has so many strangers, and so many connections', async t => {
  const limits = { maxUnauthenticatedPerAddress: 2, maxConnectionsPerAddress: 3, acceptsPerAddress: seldom }
  const { gate, knock } = openGate(limits)
  const [first, second] = [knock('10.0.0.1'), knock('10.0.0.1')]
  t.is(knock('10.0.0.1').visit, undefined)
  t.truthy(knock('10.0.0.2').visit)
  first.visit?.admit()
  second.visit?.admit()
  knock('10.0.0.1').visit?.admit()
  t.is(knock('10.0.0.1').visit, undefined)
  t.is(gate.connections, 4)
  t.is(gate.unauthenticated, 1)
  first.socket.destroy()
  await eventually('it is counted', () => gate.connections === 3)
  t.truthy(knock('10.0.0.1').visit)
})

test('all addresses together have a limit as well', t => {
  const { knock, refusals } = openGate({ maxUnauthenticated: 3, maxClients: 4, acceptsPerAddress: seldom })
  const visits = [1, 2, 3].map(host => knock(`10.0.0.${host}`).visit)
  t.is(knock('10.0.0.4').visit, undefined)
  for (const visit of visits) visit?.admit()
  t.truthy(knock('10.0.0.4').visit)
  t.is(knock('10.0.0.5').visit, undefined)
  t.deepEqual(
    refusals.map(({ reason }) => reason),
    ['too-many-connections', 'too-many-connections'],
  )
})

test('an address knocks only so often, and may again later', async t => {
  const { clock, knock, refusals } = openGate({ acceptsPerAddress: { perSecond: 1, burst: 2 } })
  t.truthy(knock('10.0.0.1').visit)
  t.truthy(knock('10.0.0.1').visit)
  const late = knock('10.0.0.1')
  t.is(late.visit, undefined)
  t.true(late.socket.destroyed)
  t.like(refusals[0], { reason: 'rate', address: '10.0.0.1' })
  await clock.advance(1000)
  t.truthy(knock('10.0.0.1').visit)
})

test('who is not admitted in time is put out; who is, stays', async t => {
  const { clock, gate, knock, refusals } = openGate({ handshakeMs: 1000 })
  const [slow, quick] = [knock('10.0.0.1'), knock('10.0.0.1')]
  await clock.advance(999)
  quick.visit?.admit()
  await clock.advance(1)
  t.true(slow.socket.destroyed)
  t.false(quick.socket.destroyed)
  t.deepEqual(
    refusals.map(({ reason }) => reason),
    ['too-slow'],
  )
  await eventually('it is counted', () => gate.connections === 1)
  t.is(gate.unauthenticated, 0)
})

for (const [address, group] of [
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['unix socket', 'unix socket'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
] as const) {
  test(`the address ${address} counts as ${group}`, t => {
    t.is(groupOf(address), group)
  })
}

test('a bucket fills at its rate up to its burst, and a debt is paid before anything else', async t => {
  const clock = new FakeClock()
  const bucket = new TokenBucket({ perSecond: 10, burst: 20 }, clock)
  t.is(bucket.take(20), 0)
  t.false(bucket.tryTake(1))
  t.is(bucket.take(5), 500)
  await clock.advance(500)
  t.false(bucket.tryTake(1))
  await clock.advance(100)
  t.true(bucket.tryTake(1))
  await clock.advance(60_000)
  t.true(bucket.full)
  t.false(bucket.tryTake(21))
  const endless = new TokenBucket({ perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY }, clock)
  t.is(endless.take(1e9), 0)
  await clock.advance(1)
  t.is(endless.take(1e9), 0)
})

test('each refusal is counted, and only as many are told as somebody can read', async t => {
  const clock = new FakeClock()
  const told: Refusal[] = []
  const refusals = new Refusals({ clock, eventsPerSecond: 5, tell: refusal => void told.push(refusal) })
  for (let index = 0; index < 1000; index++) refusals.add({ reason: 'topic', address: 'x', detail: 'y' })
  t.is(told.length, 10)
  t.deepEqual(refusals.byReason, { topic: 1000 })
  t.is(refusals.untold, 990)
  await clock.advance(1000)
  refusals.add({ reason: 'will', address: 'x', detail: 'y' })
  t.is(told.at(-1)?.reason, 'will')
})
