import test from 'ava'
import { FakeClock } from '../../kit/fake-clock.ts'
import { createLog, type Fields } from '../../kit/log.ts'

function lineOf(fields: Fields): string {
  const lines: string[] = []
  createLog({ clock: new FakeClock(Date.UTC(2026, 0, 1)), write: line => lines.push(line) }).info('said', fields)
  return lines.join('')
}

test('a line has the time, the level, the message and its fields', t => {
  t.is(
    lineOf({ node: 'board-1', count: 3, none: undefined }),
    '2026-01-01T00:00:00.000Z info  said node=board-1 count=3\n',
  )
})

const circle: { self?: unknown } = {}
circle.self = circle
const rows: Array<[what: string, value: unknown, written: string]> = [
  ['text with spaces', 'a b', '"a b"'],
  ['text with a line break, which must not forge a line', 'a\nb', '"a\\nb"'],
  ['an object', { a: 1 }, '"{\\"a\\":1}"'],
  ['an empty text', '', '""'],
  ['an error with causes', new Error('top', { cause: new Error('root') }), '"top: root"'],
  ['a circle', circle, '"[object Object]"'],
  ['a BigInt', 5n, '5'],
]
for (const [what, value, written] of rows) {
  test(`a field may be ${what}`, t => {
    t.is(lineOf({ value }).trim().split(' value=')[1], written)
  })
}

test('an error that is its own cause ends somewhere', t => {
  const error = new Error('again')
  error.cause = error
  t.true(lineOf({ error }).length < 200)
})

test('lines below the level are not written, and bound fields are on every line', t => {
  const lines: string[] = []
  const log = createLog({ level: 'warn', write: line => lines.push(line) }).with({ part: 'api' })
  log.debug('no')
  log.info('no')
  log.warn('yes')
  log.error('yes', { part: 'other' })
  t.is(lines.length, 2)
  t.regex(lines[0] ?? '', /warn {2}yes part=api\n$/)
  t.regex(lines[1] ?? '', /error yes part=other\n$/)
})
