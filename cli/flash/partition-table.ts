/** The partitions of an image, as sfdisk (util-linux) reads its first MiB. */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CodedError, hasCode, messageOf } from '../../kit/errors.ts'
import { runTool } from './disk/run-tool.ts'

export interface Partition {
  /** Bytes. */
  start: number
  size: number
  /** MBR: hexadecimal, such as `c`. GPT: a GUID in capitals. */
  type: string
}

export interface PartitionTable {
  label: 'dos' | 'gpt'
  partitions: Partition[]
}

/** Both kinds of table lie within it. */
export const tableBytes = 1024 * 1024

/** FAT16, FAT32 (by LBA or not) and the EFI system partition; Microsoft's basic data, which some tools write for a FAT. */
const fatTypes = new Set([
  '6',
  'b',
  'c',
  'e',
  'ef',
  'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7',
])
/** UEFI 2.10, 5.3.2: the header of a GPT is the second sector; it says where its copy is, in the disk's last one. */
const gptHeader = { offset: 512, signature: 'EFI PART', alternateOffset: 32 }
const largestDiskBytes = 2 ** 44

/** `first`: the image's first MiB. Rejects with `Invalid` when there is no table. */
export async function readPartitions(first: Uint8Array): Promise<PartitionTable> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-table-'))
  try {
    const path = join(folder, 'image')
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(first)
      // sfdisk takes no GPT of a disk that is too short for its partitions.
      await file.truncate(diskBytes(first))
    } finally {
      await file.close()
    }
    return readTable(await runTool(['sfdisk', '--json', path]))
  } catch (error) {
    if (hasCode(error, 'Invalid')) throw error
    if (hasCode(error, 'NotFound'))
      throw new CodedError(
        'NotFound',
        'cannot read the partitions: because sfdisk is not installed: apt install fdisk',
        { cause: error },
      )
    const why = messageOf(error).includes('recognized partition table')
      ? 'it has none: is it an image of a whole disk?'
      : messageOf(error)
    throw new CodedError('Invalid', `cannot read the image's partition table: because ${why}`, { cause: error })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The first that a board's firmware may read. Throws `Invalid`. */
export function bootPartitionOf({ partitions }: PartitionTable): Partition {
  const [boot] = partitions.filter(({ type }) => fatTypes.has(type)).sort((a, b) => a.start - b.start)
  if (boot) return boot
  throw new CodedError(
    'Invalid',
    'cannot find the boot partition: because none of the image is a FAT: is it an image for a board?',
  )
}

/** Of a GPT as long as its header says; an MBR's length nobody asks for. */
function diskBytes(first: Uint8Array): number {
  const view = Buffer.from(first.buffer, first.byteOffset, first.byteLength)
  const { offset, signature, alternateOffset } = gptHeader
  if (view.length < offset + 512 || view.toString('latin1', offset, offset + signature.length) !== signature)
    return first.length
  const bytes = (Number(view.readBigUInt64LE(offset + alternateOffset)) + 1) * 512
  return bytes > first.length && bytes <= largestDiskBytes ? bytes : first.length
}

function readTable(json: string): PartitionTable {
  const { partitiontable: table } = JSON.parse(json) as {
    partitiontable: {
      label: string
      sectorsize?: number
      partitions?: Array<{ start: number; size: number; type: string }>
    }
  }
  const sector = table.sectorsize ?? 512
  const partitions = (table.partitions ?? []).map(({ start, size, type }) => ({
    start: start * sector,
    size: size * sector,
    type,
  }))
  return { label: table.label === 'gpt' ? 'gpt' : 'dos', partitions }
}
