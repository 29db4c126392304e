/** Where boards and users are told to connect to. */
import { hostAndPort, outerAddresses } from './own-addresses.ts'

export interface AdvertiseOptions {
  /** `HOST:PORT`, as said by whoever runs the master: then nothing else. */
  advertise: string[]
  /** Where the broker listens with TLS; 0.0.0.0 and :: stand for all addresses of the board. */
  listen: Array<{ host: string; port: number }>
}

/** What a join line holds at most. */
const maxAddresses = 8
const everywhere = new Set(['0.0.0.0', '::'])

export function advertisedAddresses({ advertise, listen }: AdvertiseOptions, own = outerAddresses()): string[] {
  if (advertise.length > 0) return advertise.slice(0, maxAddresses)
  const found = listen.flatMap(({ host, port }) => {
    if (!everywhere.has(host)) return [hostAndPort(host, port)]
    const reachable = host === '::' ? own : own.filter(address => !address.includes(':'))
    // A board without a cable still talks to itself.
    return (reachable.length > 0 ? reachable : ['127.0.0.1']).map(address => hostAndPort(address, port))
  })
  return [...new Set(found)].slice(0, maxAddresses)
}
