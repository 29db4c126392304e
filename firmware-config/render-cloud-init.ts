/** What cloud-init of a stock image reads at its first start, on the boot partition. */
import { createHash } from 'node:crypto'
import { bootMount, onBoot } from '../contract/card/card-places.ts'
import type { CardSettings, StaticAddress } from '../contract/card/card-settings.ts'
import { renderYaml } from '../contract/manifest/yaml.ts'
import type { Assets } from '../kit/assets.ts'
import type { BoardProfile, RenderedFile } from './profile.ts'
import { adminUser, bootFile, renderInstall } from './render-stock.ts'

/** Where Raspberry Pi OS and Ubuntu, Debian's cloud images, and older systems mount the boot partition. */
const bootMounts = [bootMount, '/boot/efi', '/boot']

/**
 * user-data, network-config and meta-data of the NoCloud data source, and `install.sh`. The kernel's command line of a Raspberry Pi
 * needs `cloudInitWords` too. https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html
 */
export function renderCloudInit(assets: Assets, profile: BoardProfile, settings: CardSettings): RenderedFile[] {
  const network = bootFile('network-config', renderYaml(networkOf(profile, settings)))
  return [
    bootFile('meta-data', renderYaml({ 'instance-id': instanceId(settings), 'local-hostname': settings.hostname })),
    settings.wifi?.key === undefined ? network : { ...network, secret: true },
    bootFile('user-data', `#cloud-config\n${renderYaml(userOf(settings))}`),
    renderInstall(assets),
  ]
}

/**
 * For `amendBoot`. cloud-init does its work once for each instance: without a name of its own the settings of a card would be taken
 * for those of an earlier start of the same image. Raspberry Pi's own imager names it on the command line as well.
 */
export function cloudInitWords(settings: CardSettings): string[] {
  return [`ds=nocloud;i=${instanceId(settings)}`, ...countryWords(settings)]
}

/** Which wifi channels are lawful, by the kernel's own word (a parameter of cfg80211): NetworkManager has none for it. */
export function countryWords({ wifi }: CardSettings): string[] {
  return wifi === undefined ? [] : [`cfg80211.ieee80211_regdom=${wifi.country}`]
}

/** The same settings have the same name, so that rendering twice gives the same; the wifi's key has no part in it. */
function instanceId({ wifi, ...settings }: CardSettings): string {
  const text = JSON.stringify({ ...settings, wifi: wifi?.ssid })
  return `flotilla-${settings.hostname}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`
}

/** https://docs.cloud-init.io/en/latest/reference/modules.html */
function userOf({ hostname, timezone = 'UTC', sshKeys = [] }: CardSettings): object {
  return {
    hostname,
    // Its own name in /etc/hosts, the other lines as they are.
    manage_etc_hosts: 'localhost',
    timezone,
    ssh_pwauth: false,
    users: [
      {
        name: adminUser,
        groups: 'adm,sudo',
        lock_passwd: true,
        shell: '/bin/bash',
        sudo: 'ALL=(ALL) NOPASSWD:ALL',
        ...(sshKeys.length > 0 && { ssh_authorized_keys: sshKeys }),
      },
    ],
    // At each start, until there is no package to install any more: what `runcmd` has begun once it never begins again.
    bootcmd: [installCommand()],
    // Raspberry Pi OS has sshd off. Once is enough: who turns it off later wants that.
    runcmd: [...(sshKeys.length > 0 ? [['systemctl', 'enable', '--now', 'ssh']] : []), installCommand()],
  }
}

function installCommand(): string[] {
  const script = `"$d/${onBoot.install}"`
  const find = `for d in ${bootMounts.join(' ')}; do if [ -e ${script} ]; then exec sh ${script} --start; fi; done`
  return ['sh', '-c', find]
}

/**
 * Version 2 is netplan's. Optional: a board starts without a network.
 * https://docs.cloud-init.io/en/latest/reference/network-config-format-v2.html
 */
function networkOf(profile: BoardProfile, { wifi, address }: CardSettings): object {
  const wired = { ...addressing(wifi === undefined ? address : undefined), optional: true }
  const ethernets =
    // A name that is matched is not understood by every renderer: Raspberry Pis need none, theirs is always eth0.
    profile.firmware === 'raspberry-pi' ? { eth0: wired } : { wired: { match: { name: 'e*' }, ...wired } }
  if (wifi === undefined) return { version: 2, ethernets }
  // Asked for by name, which a network needs that does not tell its own.
  const accessPoint = { hidden: true, ...(wifi.key !== undefined && { password: wifi.key }) }
  const wifis = {
    wlan0: {
      ...addressing(address),
      optional: true,
      // 64 hexadecimal digits are the key itself (netplan 0.100, https://github.com/canonical/netplan/pull/120).
      'access-points': { [wifi.ssid]: accessPoint },
      'regulatory-domain': wifi.country,
    },
  }
  return { version: 2, ethernets, wifis }
}

function addressing(address: StaticAddress | undefined): object {
  if (address === undefined) return { dhcp4: true }
  const { cidr, gateway, nameservers = [] } = address
  return {
    dhcp4: false,
    addresses: [cidr],
    ...(gateway !== undefined && { routes: [{ to: '0.0.0.0/0', via: gateway }] }),
    ...(nameservers.length > 0 && { nameservers: { addresses: nameservers } }),
  }
}
