import test from 'ava'
import fc from 'fast-check'
import { checkPassphrase, checkSsid, deriveWifiKey, isWifiKey } from '../../../contract/card/wifi-key.ts'

// IEEE 802.11-2020, J.4.2: the standard's own test vectors.
const vectors: Array<[ssid: string, passphrase: string, key: string]> = [
  ['IEEE', 'password', 'f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e'],
  ['ThisIsASSID', 'ThisIsAPassword', '0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af'],
  ['Z'.repeat(32), 'a'.repeat(32), 'becb93866bb8c3832cb777c2f559807c8c59afcb6eae734885001300a981cc62'],
]

for (const [ssid, passphrase, key] of vectors)
  test(`the key of ${ssid} is the one of the standard`, t => {
    t.is(deriveWifiKey(ssid, passphrase), key)
  })

test('a key that somebody has instead of a passphrase is taken as it is', t => {
  const [, , key] = vectors[0]!
  t.is(deriveWifiKey('any', key.toUpperCase()), key)
  t.true(isWifiKey(key))
  t.false(isWifiKey(key.toUpperCase()))
})

test('a passphrase that no access point takes is refused, and never repeated', t => {
  for (const passphrase of ['short12', 'x'.repeat(64), 'pässword12']) {
    const error = t.throws(() => deriveWifiKey('Home', passphrase), { code: 'Invalid' })
    t.false(error.message.includes(passphrase))
    t.not(checkPassphrase(passphrase), undefined)
  }
})

test('the name of a network is 1 to 32 bytes, not characters', t => {
  t.is(checkSsid('é'.repeat(16)), undefined)
  t.regex(checkSsid('é'.repeat(17)) ?? '', /34 bytes/)
  t.regex(checkSsid('') ?? '', /empty/)
  for (const end of ['\n', '\u0085', '\u2028', '\u2029', '\ufffe', '\ud800'])
    t.regex(checkSsid(`a${end}b`) ?? '', /control character/, JSON.stringify(end))
})

test('every lawful passphrase gives another key for another network', t => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 63 }), passphrase => {
      fc.pre(checkPassphrase(passphrase) === undefined)
      const key = deriveWifiKey('a', passphrase)
      t.true(isWifiKey(key) && key !== deriveWifiKey('b', passphrase))
    }),
    { numRuns: 20 },
  )
})
