/** What flash writes to: a drive or a plain file, opened so that nobody else writes to it meanwhile. */

export interface Target {
  path: string
  kind: 'drive' | 'file'
  /** Bytes that there is room for; undefined for a file, which is as long as the image. */
  capacity: number | undefined
  /** What lengths and offsets must be multiples of. */
  blockBytes: number
  write(bytes: Uint8Array, offset: number): Promise<void>
  /** Fills `into`. Rejects when there is less. */
  read(into: Uint8Array, offset: number): Promise<void>
  /** Returns when all is on the medium. */
  sync(): Promise<void>
  /** What was written is forgotten by memory, so that `read` asks the medium. */
  dropCaches(): Promise<void>
  /** A file gets its length: zeros at its end are not written. */
  setLength(bytes: number): Promise<void>
  /** All is written and verified: a file gets its name, the kernel reads a drive's partitions again. */
  finish(): Promise<void>
  /** It came to nothing: a file is gone. Does nothing after `finish`, and never rejects: for `finally`. */
  abandon(): Promise<void>
}
