/** Files that are part of the program: beside it in a folder, or inside it when all is packed into one file. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { CodedError } from './errors.ts'
import { type PackedFiles, packedFiles } from './packed-files.ts'

/** The program's own files by name, `firmware-config/rpi-4/profile.yaml`. */
export interface Assets {
  /** Names below a folder, all depths, sorted. Empty when there is none. */
  list(folder: string): string[]
  /** Throws `NotFound`. */
  read(name: string): Uint8Array
}

/** Of the program that runs: packed, built into `dist/`, or from source. */
export function programAssets(): Assets {
  const packed = packedFiles()
  if (packed) return packedAssets(packed)
  // The bundle's modules are in dist/lib, beside dist/assets; this file is one folder below the sources' root.
  const here = import.meta.dirname
  return folderAssets(join(here, basename(here) === 'lib' ? '../assets' : '..'))
}

/** Those below a folder on the disk. Code that lies among them is none of them. */
export function folderAssets(root: string): Assets {
  return {
    list(folder) {
      try {
        const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        const files = entries.filter(entry => entry.isFile() && !entry.name.endsWith('.ts'))
        return files.map(entry => relative(root, join(entry.parentPath, entry.name))).sort()
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
        throw error
      }
    },
    read(name) {
      try {
        return readFileSync(join(root, name))
      } catch (error) {
        throw notFound(name, error)
      }
    },
  }
}

/** Those inside the program's one file. */
export function packedAssets(files: PackedFiles): Assets {
  const prefix = 'assets/'
  const names = files.names.filter(name => name.startsWith(prefix)).map(name => name.slice(prefix.length))
  return {
    list: folder => names.filter(name => name.startsWith(`${folder}/`)).sort(),
    read(name) {
      const content = files.read(prefix + name)
      if (!content) throw notFound(name)
      return content
    },
  }
}

function notFound(name: string, cause?: unknown): CodedError {
  return new CodedError('NotFound', `cannot read ${name} of the program`, { cause })
}
