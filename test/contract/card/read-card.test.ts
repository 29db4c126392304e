import test from 'ava'
import fc from 'fast-check'
import type { CardSettings } from '../../../contract/card/card-settings.ts'
import { checkCardSettings, checkTimezone } from '../../../contract/card/check-card.ts'
import { formatCardSettings, maxCardBytes, parseCardSettings } from '../../../contract/card/read-card.ts'
import type { CodedError } from '../../../kit/errors.ts'

const sshKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHjTWIg5Al9de76GEN0yxEo/L7fPCHUn11E7w/jIB2V me@laptop'
const full: CardSettings = {
  board: 'rpi-4',
  hostname: 'board-1',
  role: 'master',
  wifi: { ssid: 'Café: #1', key: 'ab'.repeat(32), country: 'NO' },
  sshKeys: [sshKey],
  address: { cidr: '192.168.1.20/24', gateway: '192.168.1.1', nameservers: ['192.168.1.1', 'fd00::1'] },
  timezone: 'America/Argentina/Salta',
}

test('settings come back as they were written', t => {
  t.deepEqual(parseCardSettings(formatCardSettings(full)), full)
  const small: CardSettings = { board: 'generic-amd64', hostname: 'a' }
  t.deepEqual(parseCardSettings(formatCardSettings(small)), small)
})

test('names that YAML would read as something else come back as names', t => {
  for (const ssid of [
    'yes',
    'null',
    '0x10',
    '1e3',
    '- a',
    '{a}',
    '"',
    "'",
    '#',
    ' x ',
    '12:30',
    '~',
    '2024-01-01',
    '007',
  ]) {
    const settings: CardSettings = { board: 'rpi-4', hostname: '1', wifi: { ssid, country: 'NO' } }
    t.deepEqual(parseCardSettings(formatCardSettings(settings)), settings, ssid)
  }
})

test('any name of a wifi comes back', t => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 32 }), ssid => {
      const settings: CardSettings = { board: 'rpi-4', hostname: 'a', wifi: { ssid, country: 'DE' } }
      fc.pre(checkCardSettings(settings).length === 0)
      t.deepEqual(parseCardSettings(formatCardSettings(settings)), settings)
    }),
  )
})

const wrong: Array<[title: string, change: object, path: string]> = [
  ['no board', { board: undefined }, 'board'],
  ['a name with a dot', { hostname: 'a.b' }, 'hostname'],
  ['a name in capitals', { hostname: 'Board' }, 'hostname'],
  ['a name of 53 characters', { hostname: 'a'.repeat(53) }, 'hostname'],
  ['a name that is a number', { hostname: 7 }, 'hostname'],
  ['another role', { role: 'king' }, 'role'],
  ['a wifi without a country', { wifi: { ssid: 'a' } }, 'wifi.country'],
  ['a country of three letters', { wifi: { ssid: 'a', country: 'DEU' } }, 'wifi.country'],
  ['a passphrase where the key belongs', { wifi: { ssid: 'a', country: 'DE', key: 'password' } }, 'wifi.key'],
  ['a wifi of 33 bytes', { wifi: { ssid: 'a'.repeat(33), country: 'DE' } }, 'wifi.ssid'],
  ['a private key', { sshKeys: [sshKey, '-----BEGIN OPENSSH PRIVATE KEY-----'] }, 'sshKeys[1]'],
  ['keys that are no list', { sshKeys: sshKey }, 'sshKeys'],
  ['too many keys', { sshKeys: Array.from({ length: 17 }, () => sshKey) }, 'sshKeys'],
  ['an address without a prefix', { address: { cidr: '10.0.0.1' } }, 'address.cidr'],
  ['the address of a network', { address: { cidr: '10.0.0.0/24' } }, 'address.cidr'],
  ['the address of all hosts', { address: { cidr: '10.0.0.255/24' } }, 'address.cidr'],
  ['a gateway elsewhere', { address: { cidr: '10.0.0.5/24', gateway: '10.0.1.1' } }, 'address.gateway'],
  ['a nameserver that is none', { address: { cidr: '10.0.0.5/24', nameservers: ['dns'] } }, 'address.nameservers[0]'],
  ['a time zone that is a path', { timezone: '../../etc/passwd' }, 'timezone'],
  ['a field that nobody knows', { wiffi: 1 }, 'wiffi'],
  ['a field of every object', { constructor: 1 }, 'constructor'],
]

for (const [title, change, path] of wrong)
  test(`${title} is wrong at ${path}`, t => {
    const problems = checkCardSettings(JSON.parse(JSON.stringify({ board: 'rpi-4', hostname: 'a', ...change })))
    t.deepEqual(
      problems.map(problem => problem.path),
      [path],
    )
  })

test('all that is wrong is told at once, each with its line', t => {
  const text = 'board: rpi-4\nhostname: B_1\nwifi:\n  ssid: x\n  country: no\nsshKeys:\n- a\n'
  const error = t.throws(() => parseCardSettings(text), { code: 'Invalid' }) as unknown as CodedError
  t.deepEqual(
    error.problems.map(({ path, line }) => [path, line]),
    [
      ['hostname', 2],
      ['wifi.country', 5],
      ['sshKeys[0]', 7],
    ],
  )
})

test('a file that is too long, holds two documents, or is none of YAML is refused', t => {
  for (const text of ['x'.repeat(maxCardBytes + 1), 'a: 1\n---\nb: 1\n', '{', '', '- a\n', 'a: *b\n'])
    t.throws(() => parseCardSettings(text), { code: 'Invalid' })
})

test('what is wrong is never written', t => {
  t.throws(() => formatCardSettings({ ...full, hostname: 'a b' }), { code: 'Invalid' })
})

test('time zones have names, not paths', t => {
  for (const name of ['UTC', 'Etc/GMT+12', 'Europe/Berlin', 'America/North_Dakota/New_Salem'])
    t.is(checkTimezone(name), undefined)
  for (const name of ['', '/etc', '../x', 'a b', 'a/b/c/d', 'x'.repeat(65)]) t.not(checkTimezone(name), undefined, name)
})
