/** What flash writes to: a drive or a plain file, opened so that nobody else writes to it meanwhile. */

export interface Target {
  path: string
  kind: 'drive' | 'file'
  /** Bytes that there is room for; undefined for a file, which is as long as the image. */
  capacity: number | undefined
  /** What lengths and offsets must be multiples of. */
  blockBytes: number
  write(bytes: Uint8Array, offset: number): Promise<void>
  /** Fills `into`; what is there, not what was written a moment ago. Rejects when there is less. */
  read(into: Uint8Array, offset: number): Promise<void>
  /** Returns when all is on the medium. */
  sync(): Promise<void>
  /** From now on `read` asks the medium and not memory. */
  dropCaches(): Promise<void>
  /** A file gets its length (zeros at its end are not written). */
  setLength(bytes: number): Promise<void>
  /** All is written and verified: a file gets its name, the kernel reads a drive's partitions again. */
  finish(): Promise<void>
  /** It came to nothing: a file is gone. Does nothing after `finish`, and never rejects: for `finally`. */
  abandon(): Promise<void>
}

/** What a path is that somebody wants to flash to. */
export type TargetKind = 'drive' | 'file' | 'new-file'

/** Rejects with `Invalid` for directories, pipes and other things that are neither, and for files in folders that are not there. */
export async function targetKindOf(path: string): Promise<TargetKind> {
  throw new Error(`not yet: ${path}`)
}

/** A file is written under `NAME.partial`, readable by its owner alone. Rejects with `Conflict` when it is in use, `Forbidden` when only root may. */
export async function openTarget(path: string): Promise<Target> {
  throw new Error(`not yet: ${path}`)
}
