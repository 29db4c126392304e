/** A board profile: what a kind of board needs, as data in `firmware-config/<profile>/`, on top of `common/`. */

export const boardNames = [
  'rpi-3',
  'rpi-4',
  'rpi-5',
  'rpi-zero-2w',
  'generic-arm64',
  'generic-amd64',
  'qemu-virt',
] as const
export type BoardName = (typeof boardNames)[number]

/** `profile.yaml` of the folder. */
export interface BoardProfile {
  name: BoardName
  /** What people call it: `Raspberry Pi 4 Model B, 400, CM4`. */
  title: string
  /** Debian's name of the architecture. */
  architecture: 'arm64' | 'amd64'
  /** Who reads what on the boot partition: the firmware of a Raspberry Pi (config.txt, cmdline.txt), or UEFI (systemd-boot's entries). */
  firmware: 'raspberry-pi' | 'uefi'
  /** How to know the board from inside: matched against the start of /proc/device-tree/model. Generic boards have none. */
  models?: string[]
  /** LED below /sys/class/leds that tells how the first start goes, the first that exists. */
  leds?: string[]
  /** Without a socket for a cable: its way to a network is the air. */
  hasNoCable?: boolean
  /** What our own image lacks for some or all of these boards, in a sentence for whoever is about to flash it. */
  ownImageLacks?: string
}

/** A file as it should be on a board. */
export interface RenderedFile {
  /** `boot`: on the FAT, path relative to it. `root`: on the board's own file system, absolute. */
  place: 'boot' | 'root'
  path: string
  content: string
  /** Permissions, for `root`. */
  mode: number
  /** Never shown. */
  secret?: true
}
