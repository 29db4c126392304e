/** The ways from this machine onto its local networks, for whoever asks or answers there. */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

export interface LanInterface {
  name: string
  /** IPv4. */
  address: string
  netmask: string
}

export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

/** More are no LANs. */
const maxInterfaces = 8
/** What pods and containers come and go behind: no one outside finds us there. */
const innerInterface = /^(veth|docker|br-|cni|flannel|virbr|lxc|podman|tun-flotilla)/

export function isInnerInterface(name: string): boolean {
  return innerInterface.test(name)
}

/** Without loopback and what belongs to pods; the first address of each. */
export function lanInterfaces(interfaces: Interfaces = networkInterfaces()): LanInterface[] {
  return Object.entries(interfaces)
    .filter(([name]) => !isInnerInterface(name))
    .flatMap(([name, infos = []]) => {
      const info = infos.find(({ family, internal }) => family === 'IPv4' && !internal)
      return info ? [{ name, address: info.address, netmask: info.netmask }] : []
    })
    .slice(0, maxInterfaces)
}

/** The interface on whose network an IPv4 address is; undefined for one from elsewhere. */
export function interfaceTowards(address: string, interfaces: LanInterface[]): LanInterface | undefined {
  const other = toNumber(address)
  return interfaces.find(({ address: own, netmask }) => {
    const mask = toNumber(netmask)
    return (toNumber(own) & mask) === (other & mask)
  })
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => (sum << 8) | (Number(part) & 0xff), 0)
}
