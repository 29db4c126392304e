/** Whether this system is our own image, where everything is ours to set, or one that its owner also uses. */
import type { Disk } from './disk.ts'

/** os-release(5): which variant of Debian this is. */
const ownVariant = /^VARIANT_ID="?flotilla"?$/m

export async function isOwnImage(disk: Disk): Promise<boolean> {
  const release = (await disk.read('/etc/os-release')) ?? (await disk.read('/usr/lib/os-release')) ?? ''
  return ownVariant.test(release)
}
