/** The adapter of `js-fatfs`: FatFs as WebAssembly, started with its binary from wherever this program has it. */
import * as library from 'js-fatfs'
import type { Assets } from '../../kit/assets.ts'

export type { DiskIO, FatFs } from 'js-fatfs'
/** Its constants, by FatFs' own names. */
export const fatCodes = library

/** Where npm puts it, and the name that it has among the files of a packed program. */
export const fatBinary = 'node_modules/js-fatfs/dist/fatfs.wasm'

export async function createFat(diskio: library.DiskIO, assets: Assets): Promise<library.FatFs> {
  // Emscripten's own option, which the library's types leave out: it would look beside its code, which a bundle has moved.
  const options = { diskio, wasmBinary: assets.read(fatBinary) }
  return await library.create(options)
}
