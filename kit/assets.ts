/** Files that are part of the program: beside it in a folder, or inside it when all is packed into one file. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from './errors.ts'

/** The program's own files by name, `firmware-config/rpi-4/profile.yaml`. */
export interface Assets {
  /** Names below a folder, all depths, sorted. Empty when there is none. */
  list(folder: string): string[]
  /** Throws `NotFound`. */
  read(name: string): Uint8Array
}

/** Those below a folder on the disk. */
export function folderAssets(root: string): Assets {
  return {
    list(folder) {
      const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
      return files.map(path => path.slice(root.length + 1)).sort()
    },
    read(name) {
      try {
        return readFileSync(join(root, name))
      } catch (error) {
        throw new CodedError('NotFound', `cannot read ${name} of the program`, { cause: error })
      }
    },
  }
}
