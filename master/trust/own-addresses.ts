/** Under which names and addresses this board can be found: for the server's certificate, and for the line that boards join by. */
import { isIP } from 'node:net'
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

export interface OwnNames {
  dnsNames: string[]
  /** Loopback first, then the others, IPv4 before IPv6. */
  ipAddresses: string[]
}

/** What pods and containers come and go behind: no one outside finds us there. */
const innerInterface = /^(veth|docker|br-|cni|flannel|virbr|lxc|podman|tun-flotilla)/
/** More make no certificate better. */
const maxAddresses = 32
const dnsName = /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

export function ownNames(interfaces: Interfaces = networkInterfaces(), host = hostname()): OwnNames {
  const names = dnsName.test(host) ? [host, ...(host.includes('.') ? [] : [`${host}.local`])] : []
  return {
    dnsNames: [...new Set(['localhost', ...names])],
    ipAddresses: [...new Set(['127.0.0.1', '::1', ...outerAddresses(interfaces)])].slice(0, maxAddresses),
  }
}

/** Where others may find this board. Sorted, so that the same addresses make the same list. */
export function outerAddresses(interfaces: Interfaces = networkInterfaces()): string[] {
  const found = Object.entries(interfaces)
    .filter(([name]) => !innerInterface.test(name))
    .flatMap(([, infos = []]) => infos)
    .filter(info => !info.internal && !isLinkLocal(info.address))
  const of = (family: string): string[] => found.filter(info => info.family === family).map(info => info.address)
  return [...new Set([...of('IPv4').sort(), ...of('IPv6').sort()])]
}

/** With the hosts of `HOST:PORT` texts: others may know the board by names that it does not know itself. */
export function namesWith(names: OwnNames, addresses: string[]): OwnNames {
  const hosts = addresses.map(address => address.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''))
  const dnsNames = hosts.filter(host => isIP(host) === 0 && dnsName.test(host))
  return {
    dnsNames: [...new Set([...names.dnsNames, ...dnsNames])],
    ipAddresses: [...new Set([...names.ipAddresses, ...hosts.filter(host => isIP(host) !== 0)])].slice(0, maxAddresses),
  }
}

/** `HOST:PORT`, as in a URL. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Without its interface such an address leads nowhere. */
function isLinkLocal(address: string): boolean {
  return /^(fe[89ab][0-9a-f]:|169\.254\.)/i.test(address)
}
