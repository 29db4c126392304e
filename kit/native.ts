/** Loads the native addons of a packed program: the kernel maps only files, so they are written where code may be run from. */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError, messageOf } from './errors.ts'
import { type NativePlace, nativePlaces, placeAddon } from './native-place.ts'
import { packedFiles, readPacked } from './packed-files.ts'

export interface LoadedAddon {
  path: string
  exports: unknown
}

/** What `require` of the addon would give. Throws `ServiceUnavailable` with what is wrong at each place. */
export function loadAddon(name: string): unknown {
  return loadAddonFrom(name, nativePlaces(process.env)).exports
}

/** The addon from the first place that it can be loaded from. */
export function loadAddonFrom(name: string, places: NativePlace[]): LoadedAddon {
  const files = packedFiles()
  if (!files) throw new CodedError('InternalError', `cannot load ${name}: because this program is not packed`)
  const content = readPacked(files, join('native', name))
  const reasons: string[] = []
  for (const place of places) {
    try {
      const path = placeAddon(place, addonFileName(name, content), content)
      return { path, exports: open(path, place) }
    } catch (error) {
      reasons.push(`${place.directory}: ${messageOf(error)}`)
    }
  }
  const way = 'set FLOTILLA_NATIVE_DIR to a folder of yours that programs may be run from'
  throw new CodedError(
    'ServiceUnavailable',
    `cannot load ${name}: because no folder will do: ${way}\n${reasons.join('\n')}`,
  )
}

/** Whatever else is there under the name, of another version for instance, has another content and another name. */
export function addonFileName(name: string, content: Uint8Array): string {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16)
  return name.replace(/\.node$/, `-${hash}.node`)
}

function open(path: string, place: NativePlace): unknown {
  const module = { exports: {} }
  try {
    process.dlopen(module, path)
  } catch (error) {
    // As on a file system that programs may not be run from: what is of no use there is not left there.
    if (!place.installed) rmSync(path, { force: true })
    throw error
  }
  return module.exports
}
