/** The files of a FAT inside an image or on a card: read and written without mounting it, and without changing it. */
import { closeSync, openSync, readSync } from 'node:fs'
import type { Assets } from '../../kit/assets.ts'
import { CodedError } from '../../kit/errors.ts'
import type { Patch } from './disk/patches.ts'
import { diskOf } from './fat-disk.ts'
import { writeLabel } from './fat-label.ts'
import { createFat, type FatFs, fatCodes } from './fat-library.ts'
import { Overlay } from './overlay.ts'

export interface FatPlace {
  /** The file that it is in, which is only read. */
  path: string
  /** Bytes. */
  offset: number
  size: number
  assets: Assets
}

export interface FatEntry {
  name: string
  isFolder: boolean
  bytes: number
}

/** What a message calls FatFs' results (elm-chan.org/fsw/ff, "File Function Return Code"). */
const reasons: Record<number, string> = {
  [fatCodes.FR_DISK_ERR]: 'it cannot be read',
  [fatCodes.FR_INT_ERR]: 'it is damaged',
  [fatCodes.FR_NO_FILE]: 'it is not there',
  [fatCodes.FR_NO_PATH]: 'its folder is not there',
  [fatCodes.FR_INVALID_NAME]: 'a FAT has no such names',
  [fatCodes.FR_DENIED]: 'there is no room for it, or it is read-only',
  [fatCodes.FR_INVALID_DRIVE]: 'a FAT has no such names',
  [fatCodes.FR_NO_FILESYSTEM]: 'there is no FAT file system',
}
/** Copied through the memory of WASM in pieces of so many bytes. */
const bufferBytes = 64 * 1024
const maxEntries = 10_000

/** Rejects with `Invalid` when there is no FAT. */
export async function openFat(place: FatPlace): Promise<Fat> {
  const file = openSync(place.path, 'r')
  try {
    const sectorBytes = readSectorBytes(file, place)
    const readBase = (into: Uint8Array, offset: number): void => {
      const read = readSync(file, into, 0, into.length, offset)
      into.fill(0, read)
    }
    const overlay = new Overlay({ readBase, offset: place.offset, size: place.size, sectorBytes })
    return new Fat(await createFat(diskOf(overlay), place.assets), { overlay, close: () => closeSync(file) })
  } catch (error) {
    closeSync(file)
    throw error
  }
}

/** As its boot sector says it; what is no FAT gets a usual one, and FatFs says what is wrong. */
function readSectorBytes(file: number, { offset }: FatPlace): number {
  const sector = Buffer.alloc(512)
  readSync(file, sector, 0, sector.length, offset)
  const bytes = sector.readUInt16LE(11)
  return [512, 1024, 2048, 4096].includes(bytes) ? bytes : 512
}

/** Paths are relative to its root, with `/`. */
export class Fat {
  #ff: FatFs
  #disk: { overlay: Overlay; close: () => void }
  #volume: number

  constructor(ff: FatFs, disk: { overlay: Overlay; close: () => void }) {
    this.#ff = ff
    this.#disk = disk
    this.#volume = ff.malloc(fatCodes.sizeof_FATFS)
    check(ff.f_mount(this.#volume, '', 1), 'read the boot partition')
  }

  /** Undefined when there is no such folder. */
  list(folder = ''): FatEntry[] | undefined {
    const ff = this.#ff
    return this.#withMemory([fatCodes.sizeof_DIR, fatCodes.sizeof_FILINFO], ([directory, info]) => {
      const opened = ff.f_opendir(directory, `/${folder}`)
      if (isMissing(opened)) return undefined
      check(opened, `read ${folder || '/'}`)
      const entries: FatEntry[] = []
      while (entries.length < maxEntries) {
        check(ff.f_readdir(directory, info), `read ${folder || '/'}`)
        const name = ff.FILINFO_fname(info)
        if (name === '') break
        const isFolder = (ff.FILINFO_fattrib(info) & fatCodes.AM_DIR) !== 0
        entries.push({ name, isFolder, bytes: ff.FILINFO_fsize(info) })
      }
      check(ff.f_closedir(directory), `read ${folder || '/'}`)
      return entries
    })
  }

  /** Undefined when there is no such file. */
  stat(path: string): FatEntry | undefined {
    const ff = this.#ff
    return this.#withMemory([fatCodes.sizeof_FILINFO], ([info]) => {
      const found = ff.f_stat(`/${path}`, info)
      if (isMissing(found)) return undefined
      check(found, `read ${path}`)
      const isFolder = (ff.FILINFO_fattrib(info) & fatCodes.AM_DIR) !== 0
      return { name: ff.FILINFO_fname(info), isFolder, bytes: ff.FILINFO_fsize(info) }
    })
  }

  /** Undefined when there is no such file. Throws `RequestEntityTooLarge`. */
  read(path: string, maxBytes = 64 * 1024 * 1024): Buffer | undefined {
    const found = this.stat(path)
    if (!found || found.isFolder) return undefined
    if (found.bytes > maxBytes)
      throw new CodedError(
        'RequestEntityTooLarge',
        `cannot read ${path}: because it has ${found.bytes} bytes, more than ${maxBytes}`,
      )
    const ff = this.#ff
    const content = Buffer.alloc(found.bytes)
    return this.#withMemory([fatCodes.sizeof_FIL, bufferBytes, 4], ([file, buffer, count]) => {
      check(ff.f_open(file, `/${path}`, fatCodes.FA_READ), `read ${path}`)
      for (let at = 0; at < content.length; ) {
        check(ff.f_read(file, buffer, Math.min(bufferBytes, content.length - at), count), `read ${path}`)
        const got = ff.getValue(count, 'i32')
        if (got === 0) throw new CodedError('Invalid', `cannot read ${path}: because it ends early`)
        content.set(ff.HEAPU8.subarray(buffer, buffer + got), at)
        at += got
      }
      check(ff.f_close(file), `read ${path}`)
      return content
    })
  }

  text(path: string): string | undefined {
    return this.read(path, 1024 * 1024)?.toString('utf8')
  }

  /** With the folders above it; takes the place of what is there. Throws `RequestEntityTooLarge` when it does not fit. */
  write(path: string, content: Uint8Array): void {
    const ff = this.#ff
    this.#makeFolders(path)
    this.#withMemory([fatCodes.sizeof_FIL, bufferBytes, 4], ([file, buffer, count]) => {
      check(ff.f_open(file, `/${path}`, fatCodes.FA_WRITE | fatCodes.FA_CREATE_ALWAYS), `write ${path}`)
      for (let at = 0; at < content.length; at += bufferBytes) {
        const part = content.subarray(at, at + bufferBytes)
        ff.HEAPU8.set(part, buffer)
        check(ff.f_write(file, buffer, part.length, count), `write ${path}`)
        // FatFs writes less when the volume is full, and calls it a success.
        if (ff.getValue(count, 'i32') < part.length) throw tooLarge(path, content.length)
      }
      check(ff.f_close(file), `write ${path}`)
    })
  }

  remove(path: string): void {
    const result = this.#ff.f_unlink(`/${path}`)
    if (!isMissing(result)) check(result, `remove ${path}`)
  }

  /** 11 letters in capitals at most. */
  setLabel(label: string): void {
    // What FatFs keeps of the root directory in memory would undo it.
    this.#ff.f_unmount('')
    writeLabel(this.#disk.overlay, label)
    check(this.#ff.f_mount(this.#volume, '', 1), 'read the boot partition')
  }

  /** What may be written yet, about: each file rounds up to whole clusters. */
  freeBytes(): number {
    const ff = this.#ff
    return this.#withMemory([4, 4], ([clusters, volume]) => {
      check(ff.f_getfree('', clusters, volume), 'read the boot partition')
      // FATFS.csize, sectors a cluster: at offset 10 of ff.h's structure (FF_USE_LFN = 3, FF_FS_EXFAT = 1 or 0 alike).
      const sectors = ff.getValue(ff.getValue(volume, '*') + 10, 'i16')
      return (ff.getValue(clusters, 'i32') >>> 0) * sectors * this.#disk.overlay.sectorBytes
    })
  }

  /** What makes the image into what was written here. */
  patches(): Patch[] {
    return this.#disk.overlay.patches()
  }

  close(): void {
    this.#ff.f_unmount('')
    this.#ff.free(this.#volume)
    this.#disk.close()
  }

  #makeFolders(path: string): void {
    const parts = path.split('/').slice(0, -1)
    for (const [index] of parts.entries()) {
      const folder = parts.slice(0, index + 1).join('/')
      const result = this.#ff.f_mkdir(`/${folder}`)
      if (result !== fatCodes.FR_EXIST) check(result, `make the folder ${folder}`)
    }
  }

  #withMemory<T>(sizes: number[], work: (places: [number, number, number]) => T): T {
    const places = sizes.map(size => this.#ff.malloc(size))
    try {
      const [first = 0, second = 0, third = 0] = places
      return work([first, second, third])
    } finally {
      for (const place of places) this.#ff.free(place)
    }
  }
}

function isMissing(result: number): boolean {
  return result === fatCodes.FR_NO_FILE || result === fatCodes.FR_NO_PATH
}

function check(result: number, what: string): void {
  if (result === fatCodes.FR_OK) return
  const why = reasons[result] ?? `FatFs says ${result}`
  throw new CodedError(
    result === fatCodes.FR_DISK_ERR ? 'ServiceUnavailable' : 'Invalid',
    `cannot ${what}: because ${why}`,
  )
}

function tooLarge(path: string, bytes: number): CodedError {
  const why = `the boot partition has no room for its ${Math.ceil(bytes / 1024)} KiB`
  return new CodedError('RequestEntityTooLarge', `cannot write ${path}: because ${why}`)
}
