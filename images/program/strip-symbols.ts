/** Leaves out of an ELF program what only debuggers read: a fifth of Node. Done here, since each `strip` writes other bytes. */
import { CodedError } from '../../kit/errors.ts'

/** Offsets of what we read and change, by ELF(5). All little-endian. */
interface Layout {
  sectionOffset: number
  sectionSize: number
  /** Of the words that are addresses and sizes. */
  wordBytes: 4 | 8
  /** e_shoff, e_shnum, e_shstrndx. */
  header: { shoff: number; shnum: number; shstrndx: number }
  /** sh_flags, sh_offset, sh_size, sh_link and sh_info within a section's header. */
  section: { flags: number; offset: number; size: number; link: number; info: number }
}

const layouts = {
  elf32: {
    header: { shoff: 0x20, shnum: 0x30, shstrndx: 0x32 },
    section: { flags: 8, offset: 16, size: 20, link: 24, info: 28 },
    wordBytes: 4,
    sectionSize: 40,
  },
  elf64: {
    header: { shoff: 0x28, shnum: 0x3c, shstrndx: 0x3e },
    section: { flags: 8, offset: 24, size: 32, link: 40, info: 44 },
    wordBytes: 8,
    sectionSize: 64,
  },
} as const

const allocated = 2n

/**
 * All sections behind the last one that is loaded are left out but for that of the sections' names, and the file is cut there. Throws
 * `Invalid` where a loaded section lies behind one that is not, as linkers do not lay them out.
 */
export function stripSymbols(program: Buffer): Buffer {
  const { header, section, wordBytes, sectionSize } = layoutOf(program)
  const word = (at: number): bigint =>
    wordBytes === 8 ? program.readBigUInt64LE(at) : BigInt(program.readUInt32LE(at))
  const putWord = (to: Buffer, at: number, value: number): void => {
    if (wordBytes === 8) to.writeBigUInt64LE(BigInt(value), at)
    else to.writeUInt32LE(value, at)
  }
  const table = Number(word(header.shoff))
  const headers = Array.from({ length: program.readUInt16LE(header.shnum) }, (_, index) =>
    program.subarray(table + index * sectionSize, table + (index + 1) * sectionSize),
  )
  const flagsOf = (at: number): bigint => word(table + at * sectionSize + section.flags)
  const names = program.readUInt16LE(header.shstrndx)
  const kept = headers.findIndex((_, index) => index > 0 && (flagsOf(index) & allocated) === 0n)
  if (kept < 0) return program
  if (headers.some((_, index) => index > kept && (flagsOf(index) & allocated) !== 0n))
    throw new CodedError('Invalid', 'cannot strip the program: because its sections are in an unusual order')
  const end = Number(word(table + kept * sectionSize + section.offset))
  const nameBytes = sectionBytes(names)
  const newTable = Math.ceil((end + nameBytes.length) / 8) * 8
  const nameHeader = Buffer.from(headers[names]!)
  putWord(nameHeader, section.offset, end)
  const padding = Buffer.alloc(newTable - end - nameBytes.length)
  const result = Buffer.concat([program.subarray(0, end), nameBytes, padding, ...headers.slice(0, kept), nameHeader])
  putWord(result, header.shoff, newTable)
  result.writeUInt16LE(kept + 1, header.shnum)
  result.writeUInt16LE(kept, header.shstrndx)
  return result

  function sectionBytes(index: number): Buffer {
    const at = table + index * sectionSize
    const offset = Number(word(at + section.offset))
    return program.subarray(offset, offset + Number(word(at + section.size)))
  }
}

function layoutOf(program: Buffer): Omit<Layout, 'sectionOffset'> {
  if (program.readUInt32BE(0) !== 0x7f454c46)
    throw new CodedError('Invalid', 'cannot strip the program: because it is no ELF file')
  return program[4] === 2 ? layouts.elf64 : layouts.elf32
}
