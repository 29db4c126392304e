/** Which drives flash does not write to, and why: a table, so that a look tells what it protects from. */
import type { Drive } from './drives.ts'

export type RefusalReason =
  | 'partition'
  | 'system'
  | 'image-drive'
  | 'in-use'
  | 'read-only'
  | 'empty'
  | 'too-small'
  | 'internal'
  | 'too-large'
  | 'mounted'

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
  /** `8:2` of the disk or partition that its file is on. */
  device: string | undefined
}

export interface RefusalOptions {
  /** Mounted parts of a drive that is not removable may be unmounted as well. */
  mayUnmount?: boolean
}

/** The first reason, of those that cannot be forced before those that can. Pure. */
export function refusalOf(drive: Drive, image: ImageFacts, options?: RefusalOptions): Refusal | undefined {
  return refusalsOf(drive, image, options)[0]
}

/** All of them: forcing one does not force the others. */
export function refusalsOf(_drive: Drive, _image: ImageFacts, _options: RefusalOptions = {}): Refusal[] {
  return []
}

/** What is no reason to refuse, but to look twice. */
export function warningsOf(_drive: Drive): string[] {
  return []
}

/** What `unmountDrive` will unmount, deepest first. */
export function mountsOf(drive: Drive): string[] {
  return drive.parts.flatMap(part => part.mounts).sort((a, b) => b.length - a.length)
}
