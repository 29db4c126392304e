/** Where things are on a card: what flash writes, the board's first start reads, and images are laid out by. */

/** Partitions of our own images (MBR, all primary, in this order on the disk). Stock images keep theirs. */
export const partitions = {
  /** FAT32: firmware, boot loader, kernels in `a/` and `b/`, and `flotilla/`. Mounted at `bootMount`. */
  boot: { number: 1, label: 'FLOTILLA' },
  /** erofs: the system that runs. */
  rootA: { number: 2, label: 'root-a' },
  /** Of the same size: the system that an update writes. Made at the first start. */
  rootB: { number: 3, label: 'root-b' },
  /** ext4, mounted at /var: all that a board writes. Made at the first start, up to the end of the card. */
  data: { number: 4, label: 'data' },
} as const

/** Where the boot partition is mounted: Raspberry Pi OS's place, and ours. */
export const bootMount = '/boot/firmware'

/** On the boot partition. A FAT has no owners: whoever holds the card reads all of it. */
export const onBoot = {
  folder: 'flotilla',
  /** `CardSettings` as YAML. */
  settings: 'flotilla/card.yaml',
  /** The join line, `contract/wire/join.ts`. Deleted once it is used. */
  join: 'flotilla/join',
  /** One line: how far the first start came, or what is wrong. For whoever puts the card into a laptop. */
  status: 'flotilla/status.txt',
  /** Our own images only, by which they are known: `OwnImage` as JSON. */
  image: 'flotilla/image.json',
  /** Stock images only: the Debian package, and what installs it at the first start. */
  package: 'flotilla/flotilla.deb',
  install: 'flotilla/install.sh',
} as const

/** What an image of ours says of itself. */
export interface OwnImage {
  /** Of Flotilla: `contract/version.ts`. */
  version: string
  /** Debian's name of it. */
  architecture: 'arm64' | 'amd64'
}

/** On the board's own disk. */
export const onBoard = {
  /** The agent's directory. */
  data: '/var/lib/flotilla',
  /** A join line that is put here: the agent joins by it, and deletes it. */
  join: '/var/lib/flotilla/join',
  /** Which steps of the first start are done. */
  firstBoot: '/var/lib/flotilla/first-boot.json',
  /** Archives of container images (OCI, tar) that the agent imports when containerd lacks them. */
  images: '/usr/share/flotilla/images',
} as const
