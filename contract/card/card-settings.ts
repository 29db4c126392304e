/** What a card says to the board that starts from it: written by `flotilla flash`, read by the board's first start. */
/** Everything but the join line, which has a file of its own so that it can be deleted by itself. */
export interface CardSettings {
  /** Name of a profile of firmware-config, such as `rpi-4`. */
  board: string
  /** The host's name, and the node's. */
  hostname: string
  /** `node` (default) runs pods. `master` also starts the master of a new cluster, whose first node it is. */
  role?: 'node' | 'master'
  wifi?: Wifi
  /** Lines of an authorized_keys file. Without any, nobody logs in to the board. */
  sshKeys?: string[]
  /** Without: DHCP. */
  address?: StaticAddress
  /** As in /usr/share/zoneinfo, such as `Europe/Berlin`. Default UTC. */
  timezone?: string
}

export interface Wifi {
  ssid: string
  /** WPA2's pre-shared key, 64 hexadecimal digits: made of the passphrase (`deriveWifiKey`), which the card never holds. Without: an open network. */
  key?: string
  /** Of a stock image's card instead of the key: the file of the boot partition in which that image's own first start finds it. */
  keyIn?: string
  /** ISO 3166-1 alpha-2: which channels are lawful here. */
  country: string
}

/** Of the wired interface, or of the wifi when the card has one. */
export interface StaticAddress {
  /** IPv4 with its prefix length: `192.168.1.20/24`. */
  cidr: string
  gateway?: string
  nameservers?: string[]
}
