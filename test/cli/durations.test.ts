import test from 'ava'
import { formatAge, formatDuration, parseDuration } from '../../cli/durations.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** The edges of apimachinery's HumanDuration. */
const spans: Array<[ms: number, text: string]> = [
  [-3 * second, '<invalid>'],
  [-second, '0s'],
  [0, '0s'],
  [119 * second, '119s'],
  [2 * minute, '2m'],
  [2 * minute + 3 * second, '2m3s'],
  [9 * minute + 59 * second, '9m59s'],
  [10 * minute + 30 * second, '10m'],
  [179 * minute, '179m'],
  [3 * hour, '3h'],
  [3 * hour + 12 * minute, '3h12m'],
  [8 * hour + 12 * minute, '8h'],
  [47 * hour, '47h'],
  [48 * hour, '2d'],
  [50 * hour, '2d2h'],
  [8 * day, '8d'],
  [729 * day, '729d'],
  [730 * day, '2y'],
  [731 * day, '2y1d'],
  [9 * 365 * day, '9y'],
]

for (const [ms, text] of spans)
  test(`${ms} ms are told as ${text}`, t => {
    t.is(formatDuration(ms), text)
  })

test('an age counts from a time, and is unknown without one', t => {
  const now = Date.parse('2026-01-01T00:05:00Z')
  t.is(formatAge('2026-01-01T00:00:00Z', now), '5m')
  t.is(formatAge(undefined, now), '<unknown>')
  t.is(formatAge('yesterday', now), '<unknown>')
})

test('time spans are read in the notation of Go, and in days', t => {
  t.is(parseDuration('90s'), 90_000)
  t.is(parseDuration('1h30m'), 90 * minute)
  t.is(parseDuration('1.5s'), 1500)
  t.is(parseDuration('250ms'), 250)
  t.is(parseDuration('7d'), 7 * 24 * 60 * minute)
  t.is(parseDuration('1d12h'), 36 * 60 * minute)
  t.is(parseDuration('0'), 0)
  t.throws(() => parseDuration('soon', '--ttl'), { message: /^--ttl: cannot read "soon"/ })
})

for (const text of ['', '5', '5y', 's', '5 m', '-5s', '5m later'])
  test(`"${text}" is no time span`, t => {
    t.throws(() => parseDuration(text), { code: 'BadRequest' })
  })
