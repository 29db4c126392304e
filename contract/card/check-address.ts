/** Rules for the address that a board is given on its card: each answers with what is wrong, or undefined. */
import { isIP, isIPv4 } from 'node:net'
import type { Problem } from '../../kit/errors.ts'

const cidrShape = /^([0-9.]+)\/(\d{1,2})$/
/** As many as glibc's resolver asks (resolv.conf(5), MAXNS). */
const maxNameservers = 3

export interface AddressLike {
  cidr: string
  gateway?: string
  nameservers?: string[]
}

/** All that is wrong; `path` of each begins with `place`. */
export function checkAddress({ cidr, gateway, nameservers = [] }: AddressLike, place: string): Problem[] {
  const problems: Problem[] = []
  const blame = (field: string, message: string): unknown => problems.push({ path: `${place}.${field}`, message })
  const network = parseCidr(cidr)
  if (network === undefined)
    blame('cidr', `${JSON.stringify(cidr)} is no IPv4 address with its prefix length: use 192.168.1.20/24`)
  else if (isNoHost(network))
    blame('cidr', `${cidr} is the address of a network, or of all its hosts: a board needs one of its own`)
  if (gateway !== undefined && !isIPv4(gateway)) blame('gateway', `${JSON.stringify(gateway)} is no IPv4 address`)
  else if (gateway !== undefined && network !== undefined && !isInside(gateway, network))
    blame('gateway', `${gateway} is not in the network of ${cidr}: a board cannot reach it`)
  if (nameservers.length > maxNameservers)
    blame('nameservers', `there are ${nameservers.length}: a resolver asks ${maxNameservers} at most`)
  for (const [index, server] of nameservers.entries())
    if (isIP(server) === 0) blame(`nameservers[${index}]`, `${JSON.stringify(server)} is no IP address`)
  return problems
}

interface Network {
  address: number
  prefix: number
}

function parseCidr(cidr: string): Network | undefined {
  const [, address = '', length = ''] = cidrShape.exec(cidr) ?? []
  const prefix = Number(length)
  return isIPv4(address) && prefix >= 1 && prefix <= 32 ? { address: numberOf(address), prefix } : undefined
}

/** RFC 3021: a network of two has neither a first nor a last that is not a host's. */
function isNoHost({ address, prefix }: Network): boolean {
  const hostBits = address % 2 ** (32 - prefix)
  return prefix <= 30 && (hostBits === 0 || hostBits === 2 ** (32 - prefix) - 1)
}

function isInside(address: string, { address: own, prefix }: Network): boolean {
  const size = 2 ** (32 - prefix)
  return Math.floor(numberOf(address) / size) === Math.floor(own / size)
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

/** The address `steps` further in the same network: for boards that are numbered one after another. */
export function followingCidr(cidr: string, steps: number): string {
  const [address = '', prefix = ''] = cidr.split('/')
  const next = numberOf(address) + steps
  return `${[24, 16, 8, 0].map(bits => Math.floor(next / 2 ** bits) % 256).join('.')}/${prefix}`
}

/** Whether both are hosts of one network. */
export function isSameNetwork(cidr: string, other: string): boolean {
  const network = parseCidr(cidr)
  return network !== undefined && isInside(other.split('/')[0] ?? '', network)
}
