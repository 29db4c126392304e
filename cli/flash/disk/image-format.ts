/** Tells what kind of file an image is by its first bytes, because names lie. Pure. */

export type ImageFormat = 'raw' | 'xz' | 'gzip' | 'zstd' | 'zip'

/** How many of a file's first bytes `recognise` wants. */
export const recognisedBytes = 64 * 1024

interface Magic {
  offset?: number
  /** Latin-1. */
  bytes: string
}

const packed: Array<Magic & { format: Exclude<ImageFormat, 'raw'> }> = [
  { format: 'xz', bytes: '\xfd7zXZ\0' },
  { format: 'gzip', bytes: '\x1f\x8b\x08' },
  { format: 'zstd', bytes: '\x28\xb5\x2f\xfd' },
  { format: 'zip', bytes: 'PK\x03\x04' },
  { format: 'zip', bytes: 'PK\x05\x06' },
]

/** What people download by mistake, with what to do about it. */
const strangers: Array<Magic & { is: string; wayOut: string }> = [
  { bytes: 'BZh', is: 'packed by bzip2', wayOut: 'unpack it first (bunzip2)' },
  { bytes: '\x04\x22\x4d\x18', is: 'packed by lz4', wayOut: 'unpack it first (unlz4)' },
  { bytes: '7z\xbc\xaf\x27\x1c', is: 'a 7z archive', wayOut: 'unpack it first (7z x)' },
  { bytes: 'Rar!', is: 'a rar archive', wayOut: 'unpack it first' },
  { offset: 257, bytes: 'ustar', is: 'a tar archive', wayOut: 'unpack it first (tar xf) and take the image in it' },
  { bytes: 'QFI\xfb', is: 'a qcow2 disk', wayOut: 'convert it first (qemu-img convert -O raw)' },
  { bytes: 'KDMV', is: 'a VMDK disk', wayOut: 'convert it first (qemu-img convert -O raw)' },
  { bytes: '!<arch>', is: 'a Debian package or another ar archive', wayOut: 'take the image of a whole disk' },
  { bytes: '\x7fELF', is: 'a program', wayOut: 'take the image of a whole disk' },
  { bytes: 'hsqs', is: 'a squashfs file system', wayOut: 'take the image of a whole disk' },
  { offset: 0x8001, bytes: 'CD001', is: 'a CD without a partition table', wayOut: 'take the image of a whole disk' },
  { offset: 0x438, bytes: '\x53\xef', is: 'a single file system', wayOut: 'take the image of a whole disk' },
  { bytes: '<', is: 'a web page', wayOut: 'download the image again' },
]

/** How the file is packed, or why it is no image. */
export function recognise(first: Uint8Array): ImageFormat | { problem: string } {
  const found = packed.find(magic => has(first, magic))
  if (found) return found.format
  const problem = problemOfDisk(first)
  return problem === undefined ? 'raw' : { problem }
}

/** What speaks against bytes being the beginning of a disk; undefined when they have a partition table. */
export function problemOfDisk(first: Uint8Array): string | undefined {
  if (first.length === 0) return 'it is empty'
  // MBR, and GPT's protective MBR (UEFI 2.10, 5.2): every disk that firmware starts from has it, CDs made for USB sticks too.
  const isBootSector = (sector: Uint8Array): boolean => sector[510] === 0x55 && sector[511] === 0xaa
  // FAT and NTFS end their first sector in the same way: whether there are partitions, whoever looks for them finds out.
  if (first.length >= 512 && isBootSector(first)) return undefined
  const stranger = strangers.find(magic => has(first, magic)) ?? packed.find(magic => has(first, magic))
  if (!stranger) return 'it has no partition table: take the image of a whole disk'
  return 'is' in stranger
    ? `it is ${stranger.is}: ${stranger.wayOut}`
    : `it is packed twice (${stranger.format}): unpack it first`
}

function has(bytes: Uint8Array, { offset = 0, bytes: magic }: Magic): boolean {
  return (
    bytes.length >= offset + magic.length && [...magic].every((char, at) => bytes[offset + at] === char.charCodeAt(0))
  )
}
