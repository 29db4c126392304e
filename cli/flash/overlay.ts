/** A part of a file that can be written to without changing the file: what was written is handed out as patches. */
import type { Patch } from './disk/patches.ts'

export interface OverlayParts {
  /** Fills `into` from the file; what lies behind its end stays zero. */
  readBase: (into: Uint8Array, offset: number) => void
  /** Where in the file the part begins, and how long it is. Bytes, multiples of `sectorBytes`. */
  offset: number
  size: number
  sectorBytes: number
}

/** Larger patches would be copied in one piece where a small one is looked for. */
const maxPatchBytes = 1024 * 1024

export class Overlay {
  readonly sectorBytes: number
  readonly sectors: number
  #parts: OverlayParts
  #written = new Map<number, Uint8Array>()

  constructor(parts: OverlayParts) {
    this.#parts = parts
    this.sectorBytes = parts.sectorBytes
    this.sectors = Math.floor(parts.size / parts.sectorBytes)
  }

  read(into: Uint8Array, sector: number): void {
    const { sectorBytes } = this
    this.#parts.readBase(into, this.#parts.offset + sector * sectorBytes)
    for (let at = 0; at < into.length; at += sectorBytes) {
      const written = this.#written.get(sector + at / sectorBytes)
      if (written) into.set(written, at)
    }
  }

  write(from: Uint8Array, sector: number): void {
    const { sectorBytes } = this
    for (let at = 0; at < from.length; at += sectorBytes)
      this.#written.set(sector + at / sectorBytes, from.slice(at, at + sectorBytes))
  }

  /** In the order of their offsets, which are the file's; neighbours are one. */
  patches(): Patch[] {
    const { sectorBytes } = this
    const sectors = [...this.#written.keys()].sort((a, b) => a - b)
    const runs: number[][] = []
    for (const sector of sectors) {
      const run = runs.at(-1)
      if (run && run.at(-1) === sector - 1 && run.length * sectorBytes < maxPatchBytes) run.push(sector)
      else runs.push([sector])
    }
    return runs.map(run => ({
      offset: this.#parts.offset + run[0]! * sectorBytes,
      bytes: Buffer.concat(run.map(sector => this.#written.get(sector)!)),
    }))
  }
}
