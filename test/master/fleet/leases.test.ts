import test from 'ava'
import fc from 'fast-check'
import { type Profile, profiles } from '../../../contract/wire/fleet.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { Leases } from '../../../master/fleet/leases.ts'

interface Watched {
  clock: FakeClock
  leases: Leases
  /** Changes of mind: when, ms since the start, about whom, and what. */
  seen: Array<[atMs: number, node: string, reachable: boolean]>
  whys: string[]
}

function watched(profile: Profile = profiles.lan): Watched {
  const clock = new FakeClock()
  const leases = new Leases({ clock, profile })
  const [seen, whys]: [Watched['seen'], string[]] = [[], []]
  leases.onChange((node, reachable, why) => {
    seen.push([clock.monotonic(), node, reachable])
    whys.push(why)
  })
  return { clock, leases, seen, whys }
}

/** Beats every second, the first now, `count` of them; then time stands one second after the last. */
async function beat({ clock, leases }: Watched, count: number, node = 'n'): Promise<void> {
  for (let index = 0; index < count; index++) {
    leases.heard(node)
    await clock.advance(1000)
  }
}

test('a node is unreachable after three seconds of silence, and not a moment sooner', async t => {
  const rig = watched()
  t.false(rig.leases.isReachable('n'))
  await beat(rig, 5)
  await rig.clock.advance(1999)
  t.true(rig.leases.isReachable('n'))
  await rig.clock.advance(1)
  t.false(rig.leases.isReachable('n'))
  await rig.clock.advance(60_000)
  t.deepEqual(rig.seen, [
    [0, 'n', true],
    [7000, 'n', false],
  ])
  t.deepEqual(rig.whys, ['the agent reports', 'no beat for 3 s'])
})

test('an agent whose connection closes while it beats gets time to restart', async t => {
  const rig = watched()
  await beat(rig, 3)
  rig.leases.connectionLost('n')
  await rig.clock.advance(9999)
  t.true(rig.leases.isReachable('n'))
  await rig.clock.advance(1)
  t.false(rig.leases.isReachable('n'))
  t.is(rig.whys.at(-1), 'the agent has been gone for 10 s')
})

test('a cut cable gets none: the broker notices it only after silence', async t => {
  const rig = watched()
  await beat(rig, 3)
  await rig.clock.advance(1900)
  rig.leases.connectionLost('n')
  await rig.clock.advance(100)
  t.false(rig.leases.isReachable('n'))
})

for (const [name, profile] of Object.entries(profiles)) {
  test(`${name}: a late beat is still a life, and the silence of a keepalive is none`, async t => {
    const { keepaliveSeconds, beatMs, leaseMs } = profile
    const [late, cut] = [watched(profile), watched(profile)]
    late.leases.heard('n')
    await late.clock.advance(beatMs * 1.2)
    late.leases.connectionLost('n')
    await late.clock.advance(leaseMs - beatMs * 1.2)
    t.true(late.leases.isReachable('n'), 'the agent restarts')
    cut.leases.heard('n')
    await cut.clock.advance(keepaliveSeconds * 1500)
    cut.leases.connectionLost('n')
    await cut.clock.advance(leaseMs - keepaliveSeconds * 1500)
    t.false(cut.leases.isReachable('n'), 'the board is gone')
  })
}

test('an agent that is back from its restart has used up its grace', async t => {
  const rig = watched()
  await beat(rig, 3)
  rig.leases.connectionLost('n')
  await rig.clock.advance(2000)
  await beat(rig, 2)
  await rig.clock.advance(2000)
  t.false(rig.leases.isReachable('n'), 'three seconds of silence count as before')
  t.is(rig.seen.length, 2)
})

test('a board that says goodbye is unreachable at once', async t => {
  const rig = watched()
  await beat(rig, 1)
  rig.leases.end('n', 'the board is shutting down')
  t.false(rig.leases.isReachable('n'))
  rig.leases.end('n', 'the board is shutting down')
  await rig.clock.advance(20_000)
  t.deepEqual(rig.whys, ['the agent reports', 'the board is shutting down'])
})

test('a node that returns is reachable with its first beat', async t => {
  const rig = watched()
  await beat(rig, 1)
  await rig.clock.advance(10_000)
  rig.leases.heard('n')
  t.true(rig.leases.isReachable('n'))
  t.is(rig.seen.length, 3)
  await rig.clock.advance(3000)
  t.false(rig.leases.isReachable('n'))
})

test('losing a connection says nothing of a node that was never heard, or is lost already', async t => {
  const rig = watched()
  rig.leases.connectionLost('n')
  rig.leases.end('n', 'the board is shutting down')
  t.is(rig.seen.length, 0)
  await beat(rig, 1)
  await rig.clock.advance(5000)
  rig.leases.connectionLost('n')
  await rig.clock.advance(60_000)
  t.is(rig.seen.length, 2)
})

test('nobody’s lease runs out while nobody can be heard; afterwards all get the time that they get after a start of the master', async t => {
  const rig = watched()
  rig.leases.heard('lost')
  await rig.clock.advance(4000)
  rig.leases.heard('a')
  rig.leases.heard('b')
  rig.leases.suspend()
  // The last of what was on its way.
  rig.leases.heard('a')
  await rig.clock.advance(600_000)
  t.deepEqual([rig.leases.isReachable('a'), rig.leases.isReachable('lost')], [true, false])
  rig.leases.resume()
  await beat(rig, 59, 'a')
  t.true(rig.leases.isReachable('b'))
  await beat(rig, 2, 'a')
  t.deepEqual([rig.leases.isReachable('a'), rig.leases.isReachable('b')], [true, false])
})

test('a node that is forgotten is not reported as lost', async t => {
  const rig = watched()
  await beat(rig, 1)
  rig.leases.forget('n')
  t.false(rig.leases.isReachable('n'))
  await rig.clock.advance(60_000)
  t.is(rig.seen.length, 1)
})

test('whoever has stopped listening hears no more, and stopping ends all leases', async t => {
  const rig = watched()
  const heard: string[] = []
  const end = rig.leases.onChange(node => heard.push(node))
  await beat(rig, 1)
  end()
  rig.leases.stop()
  await rig.clock.advance(60_000)
  t.deepEqual(heard, ['n'])
  t.is(rig.seen.length, 1)
})

test('a steady beat never flaps, however it jitters below the lease', async t => {
  const pauses = fc.array(fc.integer({ min: 0, max: profiles.lan.leaseMs - 1 }), { minLength: 1, maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(pauses, async gaps => {
      const rig = watched()
      for (const gap of gaps) {
        rig.leases.heard('n')
        await rig.clock.advance(gap)
      }
      return rig.seen.length === 1 && rig.leases.isReachable('n')
    }),
    { numRuns: 60 },
  )
  t.pass()
})

test('whatever happened before, silence is noticed exactly when the longest promise ends', async t => {
  const step = fc.record({
    act: fc.constantFrom('heard' as const, 'connectionLost' as const),
    gap: fc.integer({ min: 0, max: 4000 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 15 }), async steps => {
      const rig = watched()
      for (const { act, gap } of steps) {
        rig.leases[act]('n')
        await rig.clock.advance(gap)
      }
      rig.leases.heard('n')
      const lastMs = rig.clock.monotonic()
      await rig.clock.advance(60_000)
      const last = rig.seen.at(-1)
      return last?.[0] === lastMs + profiles.lan.leaseMs && last[2] === false
    }),
    { numRuns: 60 },
  )
  t.pass()
})

test('changes of mind alternate', async t => {
  const rig = watched(profiles.metered)
  for (const gapMs of [1000, 200_000, 60_000, 160_000, 5]) {
    rig.leases.heard('n')
    await rig.clock.advance(gapMs)
  }
  t.deepEqual(
    rig.seen.map(([, , reachable]) => reachable),
    [true, false, true, false, true],
  )
})
