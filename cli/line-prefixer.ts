/** Puts a word before each line of a byte stream, so that several logs in one terminal can be told apart. */

const lineEnd = 0x0a
/** A line without an end is given out when it has grown to this, bytes. */
const maxLineBytes = 256 * 1024

export class LinePrefixer {
  #prefix: Buffer
  /** The beginning of a line whose end has not come yet. */
  #pending: Buffer = Buffer.alloc(0)

  constructor(prefix: string) {
    this.#prefix = Buffer.from(prefix)
  }

  /** The whole lines that `data` completes, each with the prefix; without a prefix, the bytes as they came. */
  take(data: Buffer): Buffer {
    if (this.#prefix.length === 0) return data
    const all = Buffer.concat([this.#pending, data])
    const end = all.length > maxLineBytes ? all.length : all.lastIndexOf(lineEnd) + 1
    this.#pending = all.subarray(end)
    return this.#withPrefixes(all.subarray(0, end))
  }

  /** A last line that has no end. */
  rest(): Buffer {
    const rest = this.#pending
    this.#pending = Buffer.alloc(0)
    return rest.length === 0 ? rest : Buffer.concat([this.#prefix, rest, Buffer.from('\n')])
  }

  #withPrefixes(lines: Buffer): Buffer {
    const parts: Buffer[] = []
    for (let at = 0; at < lines.length; ) {
      const next = lines.indexOf(lineEnd, at)
      const end = next < 0 ? lines.length : next + 1
      parts.push(this.#prefix, lines.subarray(at, end))
      at = end
    }
    return Buffer.concat(parts)
  }
}
