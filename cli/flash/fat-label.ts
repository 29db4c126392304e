/** Names a FAT, which the build of FatFs that we have does not: in its root directory and in its boot sector. */
import { CodedError } from '../../kit/errors.ts'
import type { Overlay } from './overlay.ts'

/** Microsoft's "FAT32 File System Specification" 1.03, section 3: where the boot sector has what; offsets in bytes. */
const at = {
  sectorsPerCluster: 13,
  reserved: 14,
  fats: 16,
  rootEntries: 17,
  fatSize16: 22,
  fatSize32: 36,
  rootCluster: 44,
  backup: 50,
}
const extended = { fat16: { signature: 38, label: 43 }, fat32: { signature: 66, label: 71 } }
const entryBytes = 32
const labelBytes = 11
const [volumeId, longName, freed] = [0x08, 0x0f, 0xe5]

/** 1 to 11 letters in capitals. Whoever has the FAT open must open it anew. Throws `Invalid`. */
export function writeLabel(overlay: Overlay, label: string): void {
  const name = Buffer.from(label.padEnd(labelBytes).slice(0, labelBytes), 'latin1')
  const boot = readSectors(overlay, 0, 1)
  const isFat32 = boot.readUInt16LE(at.fatSize16) === 0
  nameBootSector(overlay, 0, { name, isFat32 })
  const backup = boot.readUInt16LE(at.backup)
  if (isFat32 && backup > 0 && backup < boot.readUInt16LE(at.reserved))
    nameBootSector(overlay, backup, { name, isFat32 })
  const { sector, sectors } = rootOf(overlay, boot, isFat32)
  const root = readSectors(overlay, sector, sectors)
  root.set(name, placeOf(root))
  overlay.write(root, sector)
}

function nameBootSector(overlay: Overlay, sector: number, { name, isFat32 }: { name: Buffer; isFat32: boolean }): void {
  const boot = readSectors(overlay, sector, 1)
  const { signature, label } = isFat32 ? extended.fat32 : extended.fat16
  if (boot[signature] !== 0x29) return
  boot.set(name, label)
  overlay.write(boot, sector)
}

/** The root directory; of a FAT32, its first cluster: a label is among the first things in it. */
function rootOf(overlay: Overlay, boot: Buffer, isFat32: boolean): { sector: number; sectors: number } {
  const fatSize = isFat32 ? boot.readUInt32LE(at.fatSize32) : boot.readUInt16LE(at.fatSize16)
  const first = boot.readUInt16LE(at.reserved) + boot.readUInt8(at.fats) * fatSize
  const perCluster = boot.readUInt8(at.sectorsPerCluster)
  const sector = isFat32 ? first + (boot.readUInt32LE(at.rootCluster) - 2) * perCluster : first
  const sectors = isFat32
    ? perCluster
    : Math.ceil((boot.readUInt16LE(at.rootEntries) * entryBytes) / overlay.sectorBytes)
  if (sectors > 0 && sector > 0 && sector + sectors <= overlay.sectors) return { sector, sectors }
  throw new CodedError('Invalid', 'cannot name the boot partition: because its boot sector is damaged')
}

/** Of the label that there is, else of a new entry. */
function placeOf(root: Buffer): number {
  const entries = Array.from({ length: root.length / entryBytes }, (_, index) => index * entryBytes)
  const attributes = (entry: number): number => root[entry + 11]! & 0x3f
  const present = entries.find(
    entry =>
      root[entry] !== 0 &&
      root[entry] !== freed &&
      attributes(entry) !== longName &&
      (attributes(entry) & volumeId) !== 0,
  )
  if (present !== undefined) return present
  const free = entries.find(entry => root[entry] === 0 || root[entry] === freed)
  if (free === undefined)
    throw new CodedError('Invalid', 'cannot name the boot partition: because its root directory is full')
  root.fill(0, free, free + entryBytes)
  root[free + 11] = volumeId
  return free
}

function readSectors(overlay: Overlay, sector: number, count: number): Buffer {
  const bytes = Buffer.alloc(count * overlay.sectorBytes)
  overlay.read(bytes, sector)
  return bytes
}
