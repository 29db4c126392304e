import test from 'ava'
import { countryOf } from '../../../cli/flash/wifi.ts'
import { namesOf } from '../../../cli/flash/wish.ts'
import { UsageError } from '../../../cli/usage-error.ts'

const rows: Array<[first: string, count: number, names: string[]]> = [
  ['board', 1, ['board']],
  ['board', 2, ['board-1', 'board-2']],
  ['board-1', 3, ['board-1', 'board-2', 'board-3']],
  ['rack-09', 2, ['rack-09', 'rack-10']],
  ['a9', 2, ['a9', 'a10']],
  ['7', 2, ['7', '8']],
  ['pi4-2', 2, ['pi4-2', 'pi4-3']],
]

for (const [first, count, names] of rows)
  test(`${count} boards from ${first} on are ${names.join(', ')}`, t => {
    t.deepEqual(namesOf(first, count), names)
  })

test('a name that becomes too long is told before anything is written', t => {
  t.throws(() => namesOf('a'.repeat(51), 12), { instanceOf: UsageError })
})

test('the country follows from the locale, as far as it says one', t => {
  const rows: Array<[env: Record<string, string>, country: string | undefined]> = [
    [{ LANG: 'de_CH.UTF-8' }, 'CH'],
    [{ LANG: 'de_CH.UTF-8', LC_ALL: 'en_GB' }, 'GB'],
    [{ LC_CTYPE: 'pt_BR.UTF-8', LANG: 'en_US' }, 'BR'],
    [{ LANG: 'C.UTF-8' }, undefined],
    [{ LANG: 'POSIX' }, undefined],
    [{ LANG: 'en' }, undefined],
    [{}, undefined],
  ]
  for (const [env, country] of rows) t.is(countryOf(env), country, JSON.stringify(env))
})
