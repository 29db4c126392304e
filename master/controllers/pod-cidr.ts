/** Gives each node its part of the cluster's pod network: a /24, never the same to two. Pure. */
import { CodedError } from '../../kit/errors.ts'

const nodeBits = 24

/** The first /24 of `clusterCIDR` that is not in `taken`. Rejects what is no IPv4 network, and a network that is full. */
export function allocatePodCIDR(clusterCIDR: string, taken: ReadonlySet<string>): string {
  const { base, count } = parseCluster(clusterCIDR)
  for (let index = 0; index < count; index++) {
    const cidr = `${formatAddress(base + index * 2 ** (32 - nodeBits))}/${nodeBits}`
    if (!taken.has(cidr)) return cidr
  }
  const why = `all ${count} networks of ${clusterCIDR} are given out`
  throw new CodedError('TooManyRequests', `cannot give a node its pod network: because ${why}`)
}

function parseCluster(cidr: string): { base: number; count: number } {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr)
  const [a = 256, b = 256, c = 256, d = 256, bits = 33] = (match ?? []).slice(1).map(Number)
  if (Math.max(a, b, c, d) > 255 || bits > nodeBits) {
    const why = `${cidr} is no IPv4 network of /${nodeBits} or larger`
    throw new CodedError('Invalid', `cannot give nodes their pod networks: because ${why}`)
  }
  const size = 2 ** (32 - bits)
  const address = ((a * 256 + b) * 256 + c) * 256 + d
  return { base: address - (address % size), count: 2 ** (nodeBits - bits) }
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map(shift => Math.floor(address / 2 ** shift) % 256).join('.')
}
