/** Cuts a stream of any pieces into full chunks, in buffers that somebody else owns. */

export interface ChunkFiller {
  /** Bytes that `into` got: less than it holds only at the end, 0 behind it. */
  fill(into: Uint8Array): Promise<number>
  /** Ends the stream, also when it was not read to its end. */
  close(): Promise<void>
}

export function createChunkFiller(source: AsyncIterable<Uint8Array>): ChunkFiller {
  const pieces = source[Symbol.asyncIterator]()
  let rest: Uint8Array = new Uint8Array(0)
  return {
    async fill(into) {
      let filled = 0
      while (filled < into.length) {
        if (rest.length === 0) {
          const { done, value } = await pieces.next()
          if (done) break
          rest = value
        }
        const part = rest.subarray(0, into.length - filled)
        into.set(part, filled)
        filled += part.length
        rest = rest.subarray(part.length)
      }
      return filled
    },
    async close() {
      await pieces.return?.()
    },
  }
}
