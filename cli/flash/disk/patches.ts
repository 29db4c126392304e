/** Bytes that lie over an image while it is written: how flash changes a card without changing the image. */

/** `bytes` take the place of what the image has at `offset`. Of two that overlap, the later one in the list counts. */
export interface Patch {
  offset: number
  bytes: Uint8Array
}

/** Lays over `chunk`, which is what lies at `offset` of the image, the parts of the patches that fall into it. */
export function applyPatches(chunk: Uint8Array, offset: number, patches: readonly Patch[]): void {
  const end = offset + chunk.length
  for (const patch of patches) {
    const from = Math.max(offset, patch.offset)
    const to = Math.min(end, patch.offset + patch.bytes.length)
    if (from < to) chunk.set(patch.bytes.subarray(from - patch.offset, to - patch.offset), from - offset)
  }
}

/** The first byte behind all patches; 0 without any. */
export function endOfPatches(patches: readonly Patch[]): number {
  return patches.reduce((end, { offset, bytes }) => Math.max(end, offset + bytes.length), 0)
}
