/**
 * Serial numbers of certificates. They begin with the time of issue, because `notBefore` cannot say it: it is 1970 in every
 * certificate, for boards without a clock. So nobody needs a list to know what was issued before a user's `validAfter`.
 */
import type { Random } from '../../kit/random.ts'

/** 48 bits of milliseconds, then random ones; 16 bytes, of which RFC 5280 allows 20. The first bit is 0 until the year 6429. */
const timeDigits = 12
const serialDigits = 32
const shape = /^[0-9a-f]{1,32}$/

export function newSerial(issuedMs: number, random: Random): string {
  const time = Math.floor(issuedMs).toString(16).padStart(timeDigits, '0')
  return `${time}${random
    .uuid()
    .replaceAll('-', '')
    .slice(-(serialDigits - timeDigits))}`
}

/** When the certificate of this serial number was issued, ms since 1970; undefined when it is not one of ours. */
export function issuedMsOf(serialNumber: string): number | undefined {
  if (!shape.test(serialNumber)) return undefined
  // Those who print a number leave out its zeros in front.
  return Number.parseInt(serialNumber.padStart(serialDigits, '0').slice(0, timeDigits), 16)
}
