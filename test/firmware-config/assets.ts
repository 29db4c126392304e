/** The repository's own data, as the program has it. */
import { resolve } from 'node:path'
import type { CardSettings } from '../../contract/card/card-settings.ts'
import { folderAssets } from '../../kit/assets.ts'

export const assets = folderAssets(resolve(import.meta.dirname, '../..'))

/** Everything that a card can say, with names that need quoting wherever they go. */
export const fullSettings: CardSettings = {
  board: 'rpi-4',
  hostname: 'kitchen',
  wifi: { ssid: 'Ann\'s "net" #1 $HOME', key: 'ab'.repeat(32), country: 'DE' },
  sshKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMbDHd ann@laptop', "ssh-rsa AAAAB3NzaC1yc2E ann's other `key`"],
  address: { cidr: '192.0.2.20/24', gateway: '192.0.2.1', nameservers: ['192.0.2.53', '198.51.100.53'] },
  timezone: 'Europe/Berlin',
}
