/** Which files of the clone the program reads as its assets, packed or not: `node images/program/asset-files.ts dist/assets` copies them. */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { folderAssets } from '../../kit/assets.ts'

/** FatFs as WebAssembly, of a library that would look for it beside its code: `fatBinary` in `cli/flash/fat-library.ts`. */
const fatBinary = 'node_modules/js-fatfs/dist/fatfs.wasm'

/** Names as `programAssets` reads them, which are paths below `root`. */
export function listAssetFiles(root: string): string[] {
  return [...folderAssets(root).list('firmware-config'), fatBinary]
}

if (import.meta.main) {
  const [, , target = 'dist/assets'] = process.argv
  const root = join(import.meta.dirname, '../..')
  for (const name of listAssetFiles(root)) await cp(join(root, name), join(target, name))
}
