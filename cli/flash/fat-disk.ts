/** The disk that FatFs sees: an overlay, by the callbacks of its documentation (elm-chan.org/fsw/ff, "Media Access Interface"). */
import type { DiskIO } from './fat-library.ts'
import { fatCodes } from './fat-library.ts'
import type { Overlay } from './overlay.ts'

export function diskOf(overlay: Overlay): DiskIO {
  const { sectorBytes, sectors } = overlay
  const isInside = (sector: number, count: number): boolean => sector + count <= sectors
  return {
    initialize: () => 0,
    status: () => 0,
    read(ff, _drive, ...[buffer, sector, count]) {
      // WASM hands out unsigned numbers as signed ones.
      const first = sector >>> 0
      if (!isInside(first, count)) return fatCodes.RES_PARERR
      // A copy: the memory of WASM may move while it is written to.
      const bytes = new Uint8Array(count * sectorBytes)
      overlay.read(bytes, first)
      ff.HEAPU8.set(bytes, buffer)
      return fatCodes.RES_OK
    },
    write(ff, _drive, ...[buffer, sector, count]) {
      const first = sector >>> 0
      if (!isInside(first, count)) return fatCodes.RES_PARERR
      overlay.write(ff.HEAPU8.subarray(buffer, buffer + count * sectorBytes), first)
      return fatCodes.RES_OK
    },
    ioctl(ff, _drive, ...[command, buffer]) {
      if (command === fatCodes.GET_SECTOR_COUNT) ff.setValue(buffer, sectors, 'i32')
      else if (command === fatCodes.GET_SECTOR_SIZE) ff.setValue(buffer, sectorBytes, 'i16')
      else if (command === fatCodes.GET_BLOCK_SIZE) ff.setValue(buffer, 1, 'i32')
      else if (command !== fatCodes.CTRL_SYNC) return fatCodes.RES_ERROR
      return fatCodes.RES_OK
    },
  }
}
