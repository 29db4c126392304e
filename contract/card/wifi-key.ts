/** WPA2's pre-shared key, so that a card holds a key for one network and not the passphrase that its owner may use elsewhere. */
import { pbkdf2Sync } from 'node:crypto'
import { CodedError } from '../../kit/errors.ts'

/** IEEE 802.11-2020, J.4: the passphrase and the SSID, hashed 4096 times, give 256 bits. */
const iterations = 4096
const keyBytes = 32
const maxSsidBytes = 32
const keyShape = /^[0-9a-f]{64}$/

/** 64 hexadecimal digits. Throws `Invalid`, without the passphrase. */
export function deriveWifiKey(ssid: string, passphrase: string): string {
  const problem = checkSsid(ssid) ?? checkPassphrase(passphrase)
  if (problem !== undefined) throw new CodedError('Invalid', `cannot make the key of the wifi: because ${problem}`)
  // Who knows the key only may give that: it is what the passphrase would have become.
  if (isWifiKey(passphrase.toLowerCase())) return passphrase.toLowerCase()
  return pbkdf2Sync(passphrase, ssid, iterations, keyBytes, 'sha1').toString('hex')
}

export function isWifiKey(text: string): boolean {
  return keyShape.test(text)
}

/** What is wrong with the name of a network; undefined when nothing is. */
export function checkSsid(ssid: string): string | undefined {
  const bytes = Buffer.byteLength(ssid)
  if (bytes === 0) return 'the name of the wifi (SSID) is empty'
  if (bytes > maxSsidBytes)
    return `the name of the wifi (SSID) is ${bytes} bytes long: a wifi has at most ${maxSsidBytes}`
  // Lawful in the air, and in no configuration file.
  return breaksLines(ssid) ? 'the name of the wifi (SSID) has a control character in it' : undefined
}

/** What is wrong with a passphrase, which is never repeated; undefined when nothing is. */
export function checkPassphrase(passphrase: string): string | undefined {
  if (isWifiKey(passphrase.toLowerCase())) return undefined
  const { length } = passphrase
  if (length < 8 || length > 63) return `a wifi's passphrase has 8 to 63 characters, and this one has ${length}`
  return /^[\x20-\x7e]*$/.test(passphrase)
    ? undefined
    : "a wifi's passphrase has ASCII characters only (IEEE 802.11 J.4.1)"
}

/** Control characters; what older YAML (cloud-init's) takes for the end of a line; and what no reader of YAML takes at all. */
export function breaksLines(text: string): boolean {
  return /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Noncharacter_Code_Point}]/u.test(text)
}
