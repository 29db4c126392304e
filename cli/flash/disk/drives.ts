/** The drives of this machine, as util-linux's lsblk sees them. */

/** A whole disk with all that is on it. */
export interface Drive {
  /** `/dev/sdb`. */
  path: string
  /** `sdb`: what somebody types who means it. */
  name: string
  sizeBytes: number
  /** Maker and model as far as known; may be empty. */
  model: string
  serial: string | undefined
  /** How it is attached. `internal`: SATA, NVMe, virtio and all else that does not leave the machine by hand. */
  attachment: 'usb' | 'mmc' | 'loop' | 'internal'
  /** May be taken out: usb and mmc, also where the kernel calls a built-in reader fixed. */
  removable: boolean
  readOnly: boolean
  /** What is on it and above it: partitions, RAID, LVM, crypt. Deepest last. */
  parts: DrivePart[]
  /** `8:16` of the drive and of all its parts: to find the drive that a file is on. */
  devices: string[]
}

export interface DrivePart {
  /** `/dev/sdb1`, `/dev/mapper/home`. */
  path: string
  type: string
  sizeBytes: number
  fileSystem: string | undefined
  label: string | undefined
  /** Mount points; `[SWAP]` for active swap. */
  mounts: string[]
}

/** All that has a size, in the system's order. Rejects with `NotFound` when there is no lsblk. */
export async function listDrives(): Promise<Drive[]> {
  throw new Error('not yet')
}
