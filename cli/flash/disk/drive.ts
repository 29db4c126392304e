/** A drive of this machine, and what is on it. */

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
  /** How it is attached. `internal`: SATA, NVMe, virtio, soldered flash, and all else that does not leave the machine by hand. */
  attachment: 'usb' | 'mmc' | 'loop' | 'internal'
  /** May be taken out: usb and SD, also where the kernel calls a built-in reader fixed. */
  removable: boolean
  readOnly: boolean
  /** What is on it and above it: itself if it has a file system, partitions, RAID, LVM, crypt. Deepest last. */
  parts: DrivePart[]
  /** `8:16` of the drive and of all its parts: to find the drive that a file is on. */
  devices: string[]
}

export interface DrivePart {
  /** `/dev/sdb1`, `/dev/mapper/home`. */
  path: string
  /** lsblk's word: `disk`, `part`, `crypt`, `lvm`, `raid1` … */
  type: string
  sizeBytes: number
  fileSystem: string | undefined
  label: string | undefined
  /** Mount points; `[SWAP]` for active swap. */
  mounts: string[]
}
