/** What a board says it is: only where a device tree describes it. */
import type { Disk } from './disk.ts'

/** `Raspberry Pi 4 Model B Rev 1.4`; undefined on a PC. The property ends with a NUL (Devicetree Specification 2.2.4). */
export async function boardModel(disk: Pick<Disk, 'read'>): Promise<string | undefined> {
  const text = await disk.read('/proc/device-tree/model')
  return text?.replace(/\0.*$/s, '')
}
