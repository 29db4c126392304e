import test from 'ava'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { Sessions, type Verdict } from '../../../master/fleet/sessions.ts'

const takeoverMs = 3000

function started(): { clock: FakeClock; sessions: Sessions } {
  const clock = new FakeClock()
  return { clock, sessions: new Sessions({ clock, takeoverMs }) }
}

type Said = [session: string, sequence: number, full?: 'full']

const stories: Array<[title: string, said: Said[], verdicts: Verdict[]]> = [
  [
    'what begins whole and misses nothing is accepted',
    [
      ['a', 1, 'full'],
      ['a', 2],
      ['a', 3],
    ],
    ['accept', 'accept', 'accept'],
  ],
  [
    'changes of something unknown say nothing',
    [
      ['a', 1],
      ['a', 2],
    ],
    ['incomplete', 'incomplete'],
  ],
  [
    'after a gap only a full report counts',
    [
      ['a', 1, 'full'],
      ['a', 3],
      ['a', 4],
      ['a', 5, 'full'],
      ['a', 6],
    ],
    ['accept', 'incomplete', 'incomplete', 'accept', 'accept'],
  ],
  [
    'what was taken in is not taken in again, whole or not',
    [
      ['a', 1, 'full'],
      ['a', 2],
      ['a', 2],
      ['a', 1, 'full'],
      ['a', 2, 'full'],
      ['a', 3],
    ],
    ['accept', 'accept', 'repeated', 'repeated', 'repeated', 'accept'],
  ],
  [
    'a stranger is told from the agent',
    [
      ['a', 5, 'full'],
      ['b', 6],
      ['b', 1, 'full'],
      ['a', 6],
    ],
    ['accept', 'stranger', 'stranger', 'accept'],
  ],
]

for (const [title, said, verdicts] of stories) {
  test(title, t => {
    const { sessions } = started()
    const heard = said.map(([session, sequence, full]) =>
      sessions.judge('n', { session, sequence, full: full === 'full' }),
    )
    t.deepEqual(heard, verdicts)
  })
}

test('doubt asks for a full report, and does not make old ones new', t => {
  const { sessions } = started()
  sessions.judge('n', { session: 'a', sequence: 4, full: true })
  t.true(sessions.isComplete('n'))
  sessions.doubt('n')
  t.false(sessions.isComplete('n'))
  t.is(sessions.judge('n', { session: 'a', sequence: 5, full: false }), 'incomplete')
  t.is(sessions.judge('n', { session: 'a', sequence: 4, full: true }), 'repeated')
  t.is(sessions.judge('n', { session: 'a', sequence: 6, full: true }), 'accept')
})

test('a name can be taken over after silence, or at once when its agent has said goodbye', async t => {
  const { clock, sessions } = started()
  t.true(sessions.admit('n', 'a'))
  await clock.advance(takeoverMs - 1)
  t.false(sessions.admit('n', 'b'))
  await clock.advance(1)
  t.true(sessions.admit('n', 'b'))
  t.false(sessions.admit('n', 'a'), 'now it is the other one that is the stranger')
  t.false(sessions.end('n', 'a'))
  t.false(sessions.admit('n', 'c'))
  t.true(sessions.end('n', 'b'))
  t.true(sessions.admit('n', 'c'))
  t.false(sessions.isComplete('n'), 'what another process said is not known of this one')
})

test('whoever speaks beside the node is a stranger until the node is silent; so many are remembered', async t => {
  const { clock, sessions } = started()
  sessions.admit('n', 'a')
  t.false(sessions.isStranger('n', 'b'), 'it has not said anything')
  sessions.admit('n', 'b')
  t.true(sessions.isStranger('n', 'b'))
  t.false(sessions.isStranger('n', 'a'))
  t.is(sessions.ownerOf('n'), 'a')
  await clock.advance(takeoverMs)
  t.false(sessions.isStranger('n', 'b'), 'the name is free')
  sessions.admit('n', 'b')
  t.false(sessions.isStranger('n', 'b'))
  for (let index = 0; index < 9; index++) sessions.admit('n', `c${index}`)
  t.false(sessions.isStranger('n', 'c0'))
  t.true(sessions.isStranger('n', 'c8'))
})

test('of a node that is forgotten nothing is known, and anybody may speak for it', t => {
  const { sessions } = started()
  sessions.judge('n', { session: 'a', sequence: 9, full: true })
  sessions.forget('n')
  t.false(sessions.isComplete('n'))
  t.false(sessions.end('n', 'a'))
  t.is(sessions.judge('n', { session: 'b', sequence: 1, full: true }), 'accept')
})

test('a flood of invented names is refused before it fills the memory', t => {
  const { sessions } = started()
  for (let index = 0; index < 20_000; index++) sessions.admit(`n${index}`, 'a')
  t.throws(() => sessions.admit('one-more', 'a'), { code: 'TooManyRequests' })
  t.true(sessions.admit('n7', 'a'))
})
