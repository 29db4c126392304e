/** A block of IPv4 addresses by number, for giving them out. */
import { isIPv4 } from 'node:net'
import { CodedError } from '../../kit/errors.ts'

export interface AddressRange {
  cidr: string
  first: number
  /** How many addresses, the network's and the broadcast address included. */
  size: number
}

/** `10.96.0.0/16`. Throws `Invalid`. */
export function parseRange(cidr: string): AddressRange {
  const [address = '', bits = ''] = cidr.split('/')
  const prefix = Number(bits)
  if (!isIPv4(address) || !/^\d+$/.test(bits) || prefix < 8 || prefix > 30)
    throw new CodedError(
      'Invalid',
      `cannot give out addresses of ${cidr}: because it is no IPv4 block between /8 and /30`,
    )
  const size = 2 ** (32 - prefix)
  return { cidr, first: Math.floor(numberOfAddress(address) / size) * size, size }
}

/** True for an address that a service may have: neither the network's own nor the broadcast address. */
export function inRange(range: AddressRange, address: string): boolean {
  const offset = isIPv4(address) ? numberOfAddress(address) - range.first : 0
  return offset > 0 && offset < range.size - 1
}

export function addressAt(range: AddressRange, offset: number): string {
  const number = range.first + offset
  return [24, 16, 8, 0].map(shift => Math.floor(number / 2 ** shift) % 256).join('.')
}

function numberOfAddress(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}
