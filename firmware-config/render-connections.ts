/** NetworkManager's connections for a stock Raspberry Pi OS without cloud-init: nm-settings-keyfile(5). */
import { isIPv4 } from 'node:net'
import type { CardSettings, StaticAddress, Wifi } from '../contract/card/card-settings.ts'

export interface Connection {
  /** Of the file. */
  name: string
  content: string
  secret?: true
}

/** None for a board that has its address by wire from the router: NetworkManager does that by itself. */
export function renderConnections({ wifi, address }: CardSettings): Connection[] {
  if (wifi !== undefined) {
    const content = renderSections({ connection: identity('wifi'), ...wifiSections(wifi), ...addressSections(address) })
    return [{ name: 'flotilla-wifi.nmconnection', content, ...(wifi.key !== undefined && { secret: true }) }]
  }
  if (address === undefined) return []
  const content = renderSections({ connection: identity('ethernet'), ...addressSections(address) })
  return [{ name: 'flotilla-wired.nmconnection', content }]
}

type Sections = Record<string, Record<string, string>>

function identity(type: string): Record<string, string> {
  // Of two connections for one interface the one with the higher priority is taken: the image's own has 0 or less.
  return { id: `flotilla-${type}`, type, 'autoconnect-priority': '10' }
}

function wifiSections({ ssid, key }: Wifi): Sections {
  const wifi = { mode: 'infrastructure', ssid: bytesOf(ssid), hidden: 'true' }
  // 64 hexadecimal digits are the key itself: nm-settings(5), 802-11-wireless-security.psk.
  return key === undefined ? { wifi } : { wifi, 'wifi-security': { 'key-mgmt': 'wpa-psk', psk: key } }
}

/** The name as a list of its bytes: so it needs no quoting, whatever is in it. */
function bytesOf(ssid: string): string {
  return [...Buffer.from(ssid, 'utf8')].map(byte => `${byte};`).join('')
}

function addressSections(address: StaticAddress | undefined): Sections {
  if (address === undefined) return { ipv4: { method: 'auto' } }
  const { cidr, gateway, nameservers = [] } = address
  const dns = (servers: string[]): Record<string, string> =>
    servers.length === 0 ? {} : { dns: servers.map(server => `${server};`).join('') }
  return {
    ipv4: {
      method: 'manual',
      address1: gateway === undefined ? cidr : `${cidr},${gateway}`,
      ...dns(nameservers.filter(isIPv4)),
    },
    // Each family has its own: an address of the other is overlooked.
    ipv6: { method: 'auto', ...dns(nameservers.filter(server => !isIPv4(server))) },
  }
}

function renderSections(sections: Sections): string {
  return Object.entries(sections)
    .flatMap(([name, values]) => [`[${name}]`, ...Object.entries(values).map(([key, value]) => `${key}=${value}`), ''])
    .join('\n')
}
