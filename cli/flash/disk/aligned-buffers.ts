/** Buffers that a drive can read and write directly, past the page cache. */

const wasmPageBytes = 64 * 1024

/** The compiler's types know it as a part of browsers only. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { Memory: new (size: { initial: number }) => { buffer: ArrayBuffer } }
}

/**
 * O_DIRECT wants memory that begins where a page does, and Node's own buffers never do. WebAssembly's memory does: it has a
 * mapping to itself.
 */
export function alignedBuffers(count: number, bytes: number): Buffer[] {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((count * bytes) / wasmPageBytes) })
  return Array.from({ length: count }, (_, at) => Buffer.from(memory.buffer, at * bytes, bytes))
}
