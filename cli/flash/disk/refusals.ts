/** Which drives flash does not write to, and why: a table, so that a look tells what it protects from. Pure. */
import type { Drive } from './drive.ts'
import { formatSize } from './format-size.ts'

export type RefusalReason =
  | 'system'
  | 'image-drive'
  | 'in-use'
  | 'read-only'
  | 'too-small'
  | 'mounted'
  | 'internal'
  | 'too-large'

export interface Refusal {
  reason: RefusalReason
  /** "cannot write to /dev/sda: because …: way out". */
  message: string
  /** Whether somebody who types the drive's name may have it anyway. */
  forceable: boolean
}

export interface ImageFacts {
  /** Unpacked. */
  sizeBytes: number | undefined
  /** `8:2` of the disk or partition that its file is on (`deviceOf`). */
  device: string | undefined
}

/** All of them, those that cannot be forced before those that can: forcing one does not force the others. */
export function refusalsOf(drive: Drive, image: ImageFacts): Refusal[] {
  return rules.flatMap(({ reason, forceable = false, find }) => {
    const why = find({ drive, image })
    return why === undefined ? [] : [{ reason, forceable, message: `cannot write to ${drive.path}: because ${why}` }]
  })
}

interface Case {
  drive: Drive
  image: ImageFacts
}

interface Rule {
  reason: RefusalReason
  forceable?: boolean
  /** Half a sentence with the way out; undefined when all is well. */
  find(asked: Case): string | undefined
}

/** A disk of a terabyte is somebody's backup, not a card. */
const maxBytes = 1e12
/** Cards of "128 GB" have a little less than 128 GiB. */
const largeBytes = 128 * 1024 ** 3

const rules: Rule[] = [
  {
    reason: 'system',
    find({ drive }) {
      const mount = mountsOf(drive).find(isOfSystem)
      if (mount === undefined) return undefined
      const what = mount === '[SWAP]' ? 'this machine swaps to it' : `this machine runs from it (${mount})`
      return `${what}: choose another drive`
    },
  },
  {
    reason: 'image-drive',
    find: ({ drive, image }) =>
      image.device !== undefined && drive.devices.includes(image.device)
        ? 'the image itself is on it: copy the image to another drive'
        : undefined,
  },
  {
    reason: 'in-use',
    find({ drive }) {
      const holder = drive.parts.find(({ type }) => closers.some(({ of }) => of.test(type)))
      if (!holder) return undefined
      const { how } = closers.find(({ of }) => of.test(holder.type))!
      return `${holder.path} (${holder.type}) on it is in use: ${how}`
    },
  },
  {
    reason: 'read-only',
    find: ({ drive }) =>
      drive.readOnly
        ? 'it is read-only: an SD card or its adapter has a switch on its side; a card without one is worn out'
        : undefined,
  },
  {
    reason: 'too-small',
    find: ({ drive, image }) =>
      image.sizeBytes !== undefined && image.sizeBytes > drive.sizeBytes
        ? `the image has ${formatSize(image.sizeBytes)} and it only ${formatSize(drive.sizeBytes)}: take a larger one`
        : undefined,
  },
  {
    reason: 'mounted',
    forceable: true,
    find({ drive }) {
      const mount = mountsOf(drive).find(where => !(drive.removable && isForVisitors(where)))
      return mount === undefined ? undefined : `${mount} on it is in use: unmount it first (umount ${mount})`
    },
  },
  {
    reason: 'internal',
    forceable: true,
    find: ({ drive }) =>
      drive.attachment === 'internal' && !drive.removable
        ? 'it is built into this machine: choose a card or a USB drive'
        : undefined,
  },
  {
    reason: 'too-large',
    forceable: true,
    find: ({ drive }) =>
      drive.sizeBytes > maxBytes
        ? `it has ${formatSize(drive.sizeBytes)}, which no card has: choose a smaller drive`
        : undefined,
  },
]

const closers = [
  { of: /^lvm/, how: 'deactivate its volume group first (vgchange -an)' },
  { of: /^crypt/, how: 'lock it first (cryptsetup close)' },
  { of: /^(raid|linear|md)/, how: 'stop the array first (mdadm --stop)' },
  { of: /^(dm|mpath|dmraid)/, how: 'remove the mapping first (dmsetup remove)' },
]

/** What is no reason to refuse, but to look twice. */
export function warningsOf(drive: Drive): string[] {
  const isLarge = drive.sizeBytes > largeBytes && drive.sizeBytes <= maxBytes
  return isLarge ? [`${drive.path} has ${formatSize(drive.sizeBytes)}: is it really a card?`] : []
}

/** What `unmountDrive` will unmount, deepest first. */
export function mountsOf(drive: Drive): string[] {
  return drive.parts.flatMap(part => part.mounts).sort((a, b) => b.length - a.length)
}

function isOfSystem(mount: string): boolean {
  return mount === '/' || mount === '[SWAP]' || /^\/(boot|efi|usr|var|etc|home|root|opt|nix)(\/|$)/.test(mount)
}

/** Where desktops mount by themselves what was put in (udisks; FHS 3.0, 3.11). What is at /mnt somebody has put there. */
export function isForVisitors(mount: string): boolean {
  return /^\/(media|run\/media)(\/|$)/.test(mount)
}
