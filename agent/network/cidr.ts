/** Arithmetic of IPv4 ranges. */
import { isIPv4 } from 'node:net'
import { CodedError } from '../../kit/errors.ts'

interface Range {
  /** The first address, as a number. */
  base: number
  prefix: number
}

/** Rejects (`Invalid`) what is not `a.b.c.d/n`; bits behind the prefix are cut off. */
function parseCidr(text: string): Range {
  const [address = '', length = ''] = text.split('/')
  const prefix = Number(length)
  if (!isIPv4(address) || !/^\d{1,2}$/.test(length) || prefix > 32) {
    throw new CodedError(
      'Invalid',
      `cannot read the range ${JSON.stringify(text)}: because it is not like 10.244.0.0/16`,
    )
  }
  return { base: (addressNumber(address) & maskOf(prefix)) >>> 0, prefix }
}

export function cidrContains(cidr: string, address: string): boolean {
  const { base, prefix } = parseCidr(cidr)
  return isIPv4(address) && (addressNumber(address) & maskOf(prefix)) >>> 0 === base
}

/** The range as the kernel writes it. */
export function formatCidr(text: string): string {
  const { base, prefix } = parseCidr(text)
  return `${[24, 16, 8, 0].map(shift => (base >>> shift) & 255).join('.')}/${prefix}`
}

function maskOf(prefix: number): number {
  return prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0
}

function addressNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}
