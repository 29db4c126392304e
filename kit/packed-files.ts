/** The files inside the program when it is packed into one file: where its first code puts them, and all others find them. */
import { CodedError } from './errors.ts'

/** `lib/` is its code, `native/` its addons, `assets/` its data. */
export interface PackedFiles {
  /** All names, sorted. */
  names: string[]
  /** A view into the program's file: not to be written to. Undefined when there is none of this name. */
  read(name: string): Uint8Array | undefined
}

/** Global, because the first code is a script of its own that shares no module with the rest. */
const place = Symbol.for('flotilla.packed-files')
type Holder = { [place]?: PackedFiles }

export function putPackedFiles(files: PackedFiles): void {
  ;(globalThis as Holder)[place] = files
}

/** Undefined when the program runs from a folder. */
export function packedFiles(): PackedFiles | undefined {
  return (globalThis as Holder)[place]
}

/** Throws `NotFound`. */
export function readPacked(files: PackedFiles, name: string): Uint8Array {
  const content = files.read(name)
  if (!content) throw new CodedError('NotFound', `cannot read ${name}: because it is not packed into this program`)
  return content
}
