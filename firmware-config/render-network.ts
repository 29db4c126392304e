/** The network of our own image: systemd-networkd's files, and wpa_supplicant's when the card names a wifi. */
import type { CardSettings, StaticAddress, Wifi } from '../contract/card/card-settings.ts'
import type { RenderedFile } from './profile.ts'

/** The interface that `common/own-image/etc/systemd/network/60-flotilla-wifi.link` keeps the name of. */
export const wifiInterface = 'wlan0'
/** The kernel asks the wired way first when there are both. */
const metrics = { wired: 100, wifi: 600 }
/** What a card with a wifi has, and no other. The second is for wpa_supplicant's unit of the interface. */
export const wifiFiles = {
  network: '/etc/systemd/network/61-flotilla-wifi.network',
  supplicant: `/etc/wpa_supplicant/wpa_supplicant-${wifiInterface}.conf`,
}

/** wpa_supplicant's file is for its unit `wpa_supplicant@wlan0.service`. */
export function renderNetwork(settings: CardSettings): RenderedFile[] {
  const { wifi, address } = settings
  const wired = renderLink({ match: 'en* eth*', metric: metrics.wired, address: wifi ? undefined : address })
  const files = [rootFile('/etc/systemd/network/60-flotilla-wired.network', wired)]
  if (wifi === undefined) return files
  const wireless = renderLink({ match: wifiInterface, metric: metrics.wifi, address })
  return [
    ...files,
    rootFile(wifiFiles.network, wireless),
    {
      ...rootFile(wifiFiles.supplicant, renderSupplicant(wifi)),
      mode: 0o600,
      secret: true,
    },
  ]
}

interface Link {
  match: string
  metric: number
  address: StaticAddress | undefined
}

/** systemd.network(5). */
function renderLink({ match, metric, address }: Link): string {
  const lines = ['# Written by the first start from the card.', '[Match]', `Name=${match}`, '', '[Network]']
  if (address === undefined) {
    // By its hardware address: the router gives a board that was flashed anew the address that it had.
    lines.push('DHCP=yes', '', '[DHCPv4]', 'ClientIdentifier=mac', `RouteMetric=${metric}`)
    return lines.concat('', '[IPv6AcceptRA]', `RouteMetric=${metric}`, '').join('\n')
  }
  lines.push(`Address=${address.cidr}`, ...(address.nameservers ?? []).map(server => `DNS=${server}`))
  if (address.gateway !== undefined) lines.push('', '[Route]', `Gateway=${address.gateway}`, `Metric=${metric}`)
  return `${lines.join('\n')}\n`
}

/**
 * wpa_supplicant.conf(5). The name in hexadecimal, which needs no quoting whatever is in it. Both kinds of WPA2 with management frames
 * protected where the access point can; not WPA3's SAE, which wants the passphrase.
 */
function renderSupplicant({ ssid, key, country }: Wifi): string {
  const security =
    key === undefined ? ['key_mgmt=NONE'] : ['key_mgmt=WPA-PSK WPA-PSK-SHA256', `psk=${key}`, 'ieee80211w=1']
  const network = [`ssid=${Buffer.from(ssid, 'utf8').toString('hex')}`, 'scan_ssid=1', ...security]
  return [
    '# Written by the first start from the card.',
    'ctrl_interface=DIR=/run/wpa_supplicant',
    `country=${country}`,
    'network={',
    ...network.map(line => `  ${line}`),
    '}',
    '',
  ].join('\n')
}

function rootFile(path: string, content: string): RenderedFile {
  return { place: 'root', path, content, mode: 0o644 }
}
